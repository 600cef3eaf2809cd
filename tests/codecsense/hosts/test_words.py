"""The tokenizer of a tiny host."""

from codecsense.hosts._words import word_tokenizer
from codecsense.texts import ids


def test_the_longest_phrase_is_one_token_and_its_words_stay_words_elsewhere():
    tokenizer = word_tokenizer(["do", "in", "part", "do in part", "in part", "red", "two"], [])
    tokens = tokenizer.convert_ids_to_tokens(ids(tokenizer, "red do in part two in part in red"))
    assert tokens == ["red", "do in part", "two", "in part", "in", "red"]


def test_a_phrase_is_not_found_inside_longer_words():
    tokenizer = word_tokenizer(["in part", "in", "particular"], [])
    assert tokenizer.convert_ids_to_tokens(ids(tokenizer, "in particular")) == ["in", "particular"]


def test_what_was_encoded_is_decoded_with_spaces_between_words():
    tokenizer = word_tokenizer(["red", "in part", "two", "?"], [])
    assert tokenizer.decode(ids(tokenizer, "red in part two ?")) == "red in part two ?"
