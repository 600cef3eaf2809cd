"""The tokenizer of a tiny host: one id per word or phrase of a closed list, beside the real host's special tokens."""

from collections.abc import Sequence

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN, END = "<|endoftext|>", "<|unknown|>", "<|im_end|>"


def word_tokenizer(words: Sequence[str], specials: Sequence[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that splits at spaces, the longest phrase first; a word outside the list becomes `<|unknown|>`."""
    vocabulary = {word: index for index, word in enumerate([PAD, UNKNOWN, END, *specials, *words])}
    if len(vocabulary) != 3 + len(specials) + len(words):
        raise ValueError("the word list of a tiny host names a word twice")
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    phrases = [word for word in words if " " in word]
    tokenizer.add_tokens([AddedToken(phrase, single_word=True, normalized=False) for phrase in phrases])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        additional_special_tokens=list(specials),
    )
