"""What every host of the transformers library shares: loading, a small random twin, scores, answers, saving.

A host is then one short file: the names of its special tokens, the shape of its twin, and how it looks at a picture.
Vision features are given where the library wants pixels (`mm_encoder_outputs`), so frozen ones are computed once.

References:
    [1] Trockman and Kolter, Mimetic initialization of self-attention layers, arXiv 2305.09828.
"""

import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from codecsense.config import Config
from codecsense.hosts import AUDIO_PAD, MOTION_PAD, Host, HostConfig, Reading
from codecsense.hosts._injection import Injection
from codecsense.hosts._sampling import sample
from codecsense.hosts._stretches import extend
from codecsense.sequence import Packed, Prefix, Specials

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import Cache, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


class Family(NamedTuple):
    """What tells one family of hosts from another before a weight is read."""

    model_type: str  # in the config.json of its weights
    opens: str  # the token before a picture
    closes: str  # and the one behind it
    picture: str  # what stands for each of its visual tokens
    others: tuple[str, ...]  # further tokens that no reply may hold
    mean: tuple[float, float, float]  # of a channel, as its preprocessor has them
    spread: tuple[float, float, float]

    @property
    def names(self) -> tuple[str, ...]:
        """The special tokens of prefixes, those of motion and sound last."""
        return (self.opens, self.closes, self.picture, *self.others, MOTION_PAD, AUDIO_PAD)


class TinySize(Config):
    """The sizes of a tiny twin; only used where `weights` is `tiny`."""

    patch_px: int
    vision_width: int
    vision_layers: int
    width: int
    mlp_width: int
    layers: int
    heads: int


class HubConfig(HostConfig):
    """A host whose weights, configuration and tokenizer are in the hub's format."""

    tiny: TinySize
    host: ClassVar[type["HubHost"]]

    @abstractmethod
    def architecture(self, tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedConfig":
        """The configuration of the tiny twin."""

    def build(self, *, words: Sequence[str], seed: int) -> "HubHost":
        """The host before any training of ours; `words` is the vocabulary of a tiny one."""
        if self.weights != "tiny":
            return self.load(Path(self.weights))
        from transformers import AutoModelForImageTextToText

        from codecsense.hosts._words import word_tokenizer

        tokenizer = word_tokenizer(words, self.host.family.names)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            config = self.architecture(tokenizer)
            model = AutoModelForImageTextToText.from_config(config, attn_implementation=self.attention)
            mimic(model.model.language_model.layers)
        for weight in model.parameters():
            weight.data = weight.data.to(device=self.device_map, dtype=getattr(torch, self.dtype))
        return self.host(model.to(device=self.device_map), tokenizer, self)  # frequencies of positions stay exact

    def load(self, folder: Path) -> "HubHost":
        """The host before training of ours: `folder` holds it where `weights` is `tiny`, else `weights` names it."""
        from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer

        source = str(folder) if self.weights == "tiny" else self.weights
        self._refuse_others(AutoConfig.from_pretrained(source), source)
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForImageTextToText.from_pretrained(
            source,
            dtype=getattr(torch, self.dtype),
            attn_implementation=self.attention,
            device_map=self.device_map,
        )
        make_room(model, tokenizer, self.host.family.names)
        return self.host(model, tokenizer, self)

    def outline(self, architecture: Path) -> "HubHost":
        """The host of a config.json without its weights: every layer has its shape and takes no memory.

        Enough to count, to plan and to build the rest around; its tokenizer knows special tokens alone.
        """
        from transformers import AutoConfig, AutoModelForImageTextToText

        from codecsense.hosts._words import word_tokenizer

        config = AutoConfig.for_model(**json.loads(architecture.read_text(encoding="utf-8")))
        self._refuse_others(config, str(architecture))
        with torch.device("meta"):
            model = AutoModelForImageTextToText.from_config(config, dtype=getattr(torch, self.dtype))
        return self.host(model, word_tokenizer([], self.host.family.names), self)

    def _refuse_others(self, config: "PreTrainedConfig", source: str) -> None:
        expected = self.host.family.model_type
        if config.model_type != expected:
            raise ValueError(f"{source} holds a {config.model_type}; host `{self.name}` reads {expected}")


def make_room(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", names: Sequence[str]) -> None:
    """Give every one of `names` an id of its own; most vocabularies have spare rows, others grow.

    New rows are drawn from a fixed seed. They are never read: features stand where their tokens are.
    """
    new = [
        name for name in names if len(_ids(tokenizer, name)) != 1 or _ids(tokenizer, name)[0] == tokenizer.unk_token_id
    ]
    tokenizer.add_special_tokens({"additional_special_tokens": new}, False)
    if len(tokenizer) > len(cast(nn.Embedding, model.get_input_embeddings()).weight):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)


def _ids(tokenizer: "PreTrainedTokenizerBase", name: str) -> list[int]:
    return cast(list[int], tokenizer(name, add_special_tokens=False)["input_ids"])


def language_model(size: TinySize, tokenizer: "PreTrainedTokenizerBase") -> dict[str, Any]:
    """The part of a twin's configuration that all families share."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": size.width,
        "intermediate_size": size.mlp_width,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads,
        "max_position_embeddings": 4096,
        "initializer_range": size.width**-0.5,  # the families' 0.02 is for widths in the thousands
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def mimic(layers: nn.ModuleList) -> None:
    """Start attention where pre-trained models end up: alike finds alike, and what is found is passed on as it is [1].

    A tiny language model takes thousands of steps to discover this for itself; a pre-trained host knows it.
    """
    for layer in layers:
        attention = cast(Any, layer).self_attn
        for weight in (attention.q_proj.weight, attention.v_proj.weight):
            nn.init.orthogonal_(weight)
        with torch.no_grad():
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            attention.o_proj.weight.copy_(attention.v_proj.weight.T)


class HubHost(Host):
    """A model of transformers behind the contract of `codecsense.hosts`; positions are counted along one axis."""

    family: ClassVar[Family]

    def __init__(self, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", settings: HubConfig) -> None:
        super().__init__()
        self.model: PreTrainedModel | PeftModel = model
        self.tokenizer = tokenizer
        self.settings: HubConfig = settings
        self.injection = Injection(model.get_input_embeddings())
        found = [_ids(tokenizer, name)[0] for name in self.family.names]
        start, end, picture, *_, motion, audio = found
        self._specials = Specials(start, end, picture, motion, audio, tokenizer.eos_token_id)
        # What also stands in ordinary text, such as a line break, may be said.
        self._banned = [token for token, name in zip(found, self.family.names, strict=True) if name.strip()]

    @property
    def bare(self) -> "PreTrainedModel":
        wrapped = hasattr(self.model, "get_base_model")
        return cast("PreTrainedModel", cast("PeftModel", self.model).get_base_model() if wrapped else self.model)

    @property
    def body(self) -> Any:
        """The model below its language-model head, whose parts have names that transformers does not type."""
        return self.bare.model

    @property
    def config(self) -> Any:
        """The model's configuration, whose fields differ by family."""
        return self.bare.config

    @property
    def tower(self) -> nn.Module:
        return nn.ModuleList([self.body.vision_tower, self.body.multi_modal_projector])

    @property
    def width(self) -> int:
        size: int = self.config.text_config.hidden_size
        return size

    @property
    def specials(self) -> Specials:
        return self._specials

    @property
    def banned(self) -> list[int]:
        return self._banned

    @property
    def device(self) -> torch.device:
        """Where ids are looked up; the library moves what follows if the layers are spread over devices."""
        return cast(nn.Embedding, self.bare.get_input_embeddings()).weight.device

    @abstractmethod
    def pixels(self, pictures: UInt8[Tensor, "pictures height wide 3"]) -> dict[str, Tensor]:
        """The pictures as the family's own preprocessor gives them to the model, by argument name."""

    def normalised(self, pictures: UInt8[Tensor, "pictures height wide 3"]) -> Float[Tensor, "pictures height wide 3"]:
        """Pictures with the mean and spread that the family was trained with."""
        mean, spread = torch.tensor(self.family.mean), torch.tensor(self.family.spread)
        return pictures.float().div_(255).sub_(mean).div_(spread)

    def encoded(self, pictures: Float[Tensor, "batch patches seen"]) -> Any:
        """Vision features of each sample in the form in which the model takes them instead of pixels."""
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        per_sample = cast(Tensor, tuple(pictures))  # what most towers return, whatever the annotation says
        return BaseModelOutputWithPooling(pooler_output=per_sample)

    def place(self, prefix: Prefix, *, grid: int) -> Prefix:
        return prefix._replace(positions=torch.arange(len(prefix.ids))[None])

    def positions(self, positions: Int[Tensor, "axes batch length"]) -> Int[Tensor, "..."]:
        """Positions in the form in which the model takes them."""
        return positions[0]

    def logits(
        self,
        packed: Packed,
        *,
        pictures: Float[Tensor, "batch patches seen"] | None,
        injected: Sequence[tuple[int, Tensor]],
        at: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "*places vocabulary"]:
        with self.injection.of(injected):
            return self.model(
                input_ids=packed.ids.to(self.device),
                position_ids=self.positions(packed.positions).to(self.device),
                attention_mask=attention_mask(packed, self.settings.attention, self.bare.dtype).to(self.device),
                mm_encoder_outputs=self.encoder_outputs(pictures),
                use_cache=False,
                logits_to_keep=0 if at is None else at.to(self.device),  # 0 keeps all
            ).logits

    def encoder_outputs(self, pictures: Tensor | None) -> Any:
        """Vision features where the library wants pixels; None where there are none."""
        if pictures is None or pictures.shape[1] == 0:
            return None
        if pictures.shape[-1] != self.seen:
            raise ValueError(
                f"a visual token of {self.settings.name} has {self.seen} numbers, not {pictures.shape[-1]}"
            )
        return {"image": self.encoded(pictures.to(self.device))}

    def generate(
        self,
        prompts: Sequence[Int[Tensor, " _"]],
        prefixes: Sequence[Prefix],
        *,
        grid: int,
        pictures: Float[Tensor, "batch patches seen"] | None,
        injected: Sequence[tuple[int, Tensor]],
        max_new_tokens: int,
        samples: int,
        temperature: float,
        seed: int,
        beams: int = 1,
    ) -> Int[Tensor, "answers new_tokens"]:
        ids, mask = self._left_padded(prompts, prefixes)
        with self.injection.of(injected), torch.random.fork_rng():
            torch.manual_seed(seed)
            out = cast(Any, self.model).generate(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                **self.modalities(prompts, prefixes, grid=grid, length=ids.shape[1]),
                mm_encoder_outputs=self.encoder_outputs(pictures),
                max_new_tokens=max_new_tokens,
                num_return_sequences=samples,
                num_beams=beams,
                do_sample=temperature > 0,
                temperature=temperature or None,
                top_k=0 if temperature else None,
                top_p=None,
                bad_words_ids=[[token] for token in self.banned],
                pad_token_id=self.tokenizer.pad_token_id,
            )
        return out[:, ids.shape[1] :]

    def sample(
        self,
        prompts: Sequence[Int[Tensor, " _"]],
        prefixes: Sequence[Prefix],
        *,
        pictures: Float[Tensor, "batch patches seen"] | None,
        injected: Sequence[tuple[int, Tensor]],
        max_new_tokens: int,
        samples: int,
        temperature: float,
        seed: int,
    ) -> Int[Tensor, "answers new_tokens"]:
        return sample(
            self,
            prompts,
            prefixes,
            pictures=pictures,
            injected=injected,
            max_new_tokens=max_new_tokens,
            samples=samples,
            temperature=temperature,
            seed=seed,
        )

    def extend(
        self,
        ids: Int[Tensor, "rows length"],
        positions: Int[Tensor, "axes rows length"],
        *,
        memory: "Cache",
        pictures: Float[Tensor, "rows patches seen"] | None = None,
        injected: Sequence[tuple[int, Tensor]] = (),
        watched: bool = False,
    ) -> Reading:
        return extend(self, ids, positions, memory=memory, pictures=pictures, injected=injected, watched=watched)

    def modalities(
        self, prompts: Sequence[Tensor], prefixes: Sequence[Prefix], *, grid: int, length: int
    ) -> dict[str, Tensor | None]:
        """What the model must be told of left-padded rows to give them the positions of `place`."""
        return {}

    def _left_padded(self, prompts: Sequence[Tensor], prefixes: Sequence[Prefix]) -> tuple[Tensor, Tensor]:
        length = max(len(p.ids) + len(q) for p, q in zip(prefixes, prompts, strict=True))
        ids = torch.full((len(prompts), length), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for row, (start, prompt) in enumerate(zip(prefixes, prompts, strict=True)):
            size = len(start.ids) + len(prompt)
            ids[row, length - size :] = torch.cat([start.ids, prompt])
            mask[row, length - size :] = 1
        return ids, mask

    def save(self, folder: Path) -> None:
        self.bare.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def attention_mask(packed: Packed, attention: str, dtype: torch.dtype) -> Tensor:
    """Who sees whom, as each implementation of attention wants to be told.

    FlashAttention knows padding and nothing else, so behind a prefix it can read one text and no more.
    """
    if attention == "eager":
        return torch.zeros(packed.mask.shape, dtype=dtype).masked_fill(~packed.mask, torch.finfo(dtype).min)
    if attention == "sdpa":
        return packed.mask
    if packed.segments.max() > 1:
        remedy = "ask one per clip (`sft.questions`), or use `attention: sdpa`"
        raise ValueError(f"{attention} cannot read {int(packed.segments.max())} texts behind one prefix; {remedy}")
    return (packed.segments >= 0).long()
