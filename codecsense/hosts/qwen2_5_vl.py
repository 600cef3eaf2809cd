"""Qwen2.5-VL as a host: the hub's weights, or the same architecture small and random for a laptop.

Positions are the host's own M-RoPE. Motion tokens take text positions, or (`motion_positions: grid`) those of a
picture of sqrt(K) x sqrt(K) tokens, which the host's own `get_rope_index` gives them.

References:
    [1] Bai et al., Qwen2.5-VL technical report, arXiv 2502.13923.
    [2] Trockman and Kolter, Mimetic initialization of self-attention layers, arXiv 2305.09828.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from codecsense.config import Config
from codecsense.hosts import AUDIO_PAD, MOTION_PAD, Host, HostConfig
from codecsense.hosts._injection import Injection
from codecsense.sequence import Packed, Prefix, Specials

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutputWithPooling
    from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLTextConfig, Qwen2_5_VLVisionConfig
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLDecoderLayer

# The names that the real tokenizer gives its special tokens; a tiny one gets the same.
NAMES = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>", MOTION_PAD, AUDIO_PAD)
# CLIP's normalisation, which the family's preprocessor uses [1].
MEAN = (0.48145466, 0.4578275, 0.40821073)
SPREAD = (0.26862954, 0.26130258, 0.27577711)


class TinySize(Config):
    """The sizes of a tiny twin; only used where `weights` is `tiny`."""

    patch_px: int
    vision_width: int
    vision_layers: int
    width: int
    layers: int
    heads: int


class Settings(HostConfig):
    """Which weights, and how motion tokens are placed."""

    name: Literal["qwen2_5_vl"]
    weights: str  # "tiny", a hub id, or a local folder
    tiny: TinySize
    motion_positions: Literal["text", "grid"]

    def build(self, *, words: Sequence[str], seed: int) -> "Qwen2_5VLHost":
        if self.weights != "tiny":
            return self.load(Path(self.weights))
        from transformers import Qwen2_5_VLForConditionalGeneration

        from codecsense.hosts._words import word_tokenizer

        tokenizer = word_tokenizer(words, NAMES)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = Qwen2_5_VLForConditionalGeneration(_tiny(self.tiny, tokenizer))
            mimic(model.model.language_model.layers)
        return Qwen2_5VLHost(model, tokenizer, self)

    def load(self, folder: Path) -> "Qwen2_5VLHost":
        from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

        tokenizer = AutoTokenizer.from_pretrained(str(folder))
        model = Qwen2_5_VLForConditionalGeneration.from_pretrained(str(folder), attn_implementation="sdpa")
        added = tokenizer.add_special_tokens({"additional_special_tokens": list(NAMES)}, False)
        if added and len(tokenizer) > len(cast(nn.Embedding, model.get_input_embeddings()).weight):
            model.resize_token_embeddings(len(tokenizer))
        return Qwen2_5VLHost(model, tokenizer, self)


def _tiny(size: TinySize, tokenizer: "PreTrainedTokenizerBase") -> "Qwen2_5_VLConfig":
    from transformers import Qwen2_5_VLConfig

    head = size.width // size.heads
    ids = _ids(tokenizer)
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": size.width,
            "intermediate_size": 4 * size.width,
            "num_hidden_layers": size.layers,
            "num_attention_heads": size.heads,
            "num_key_value_heads": size.heads,
            "max_position_embeddings": 4096,
            "initializer_range": size.width**-0.5,  # the family's 0.02 is for widths in the thousands
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1000000.0,
                # The axes take turns, as in Qwen3-VL: in blocks, the small heads of a tiny host would leave the
                # horizontal axis only frequencies too low to tell neighbouring cells apart.
                "mrope_section": [1] * (head // 2),
            },
        },
        vision_config={
            "depth": size.vision_layers,
            "hidden_size": size.vision_width,
            "intermediate_size": 2 * size.vision_width,
            "num_heads": 4,
            "patch_size": size.patch_px,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 8 * size.patch_px,
            "fullatt_block_indexes": [size.vision_layers - 1],
            "out_hidden_size": size.width,
            "initializer_range": size.vision_width**-0.5,
        },
        vision_start_token_id=ids[0],
        vision_end_token_id=ids[1],
        image_token_id=ids[2],
        video_token_id=ids[3],
        tie_word_embeddings=True,
    )


def _ids(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Ids of `NAMES`."""
    return cast(list[int], tokenizer.convert_tokens_to_ids(list(NAMES)))


def mimic(layers: nn.ModuleList) -> None:
    """Start attention where pre-trained models end up: alike finds alike, and what is found is passed on as it is [2].

    A tiny language model takes thousands of steps to discover this for itself; a pre-trained host knows it.
    """
    for layer in layers:
        attention = cast("Qwen2_5_VLDecoderLayer", layer).self_attn
        for weight in (attention.q_proj.weight, attention.v_proj.weight):
            nn.init.orthogonal_(weight)
        with torch.no_grad():
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            attention.o_proj.weight.copy_(attention.v_proj.weight.T)


class Qwen2_5VLHost(Host):
    """Qwen2.5-VL behind the contract of `codecsense.hosts`."""

    def __init__(
        self, model: "Qwen2_5_VLForConditionalGeneration", tokenizer: "PreTrainedTokenizerBase", settings: Settings
    ) -> None:
        super().__init__()
        self.model: Qwen2_5_VLForConditionalGeneration | PeftModel = model
        self.tokenizer = tokenizer
        self.settings = settings
        self.injection = Injection(model.get_input_embeddings())

    @property
    def bare(self) -> "Qwen2_5_VLForConditionalGeneration":
        wrapped = hasattr(self.model, "get_base_model")
        model = cast("PeftModel", self.model).get_base_model() if wrapped else self.model
        return cast("Qwen2_5_VLForConditionalGeneration", model)

    @property
    def tower(self) -> nn.Module:
        return self.bare.model.visual

    @property
    def _vision(self) -> "Qwen2_5_VLVisionConfig":
        return cast("Qwen2_5_VLVisionConfig", self.bare.config.vision_config)

    @property
    def width(self) -> int:
        return cast("Qwen2_5_VLTextConfig", self.bare.config.text_config).hidden_size

    @property
    def block_px(self) -> int:
        return cast(int, self._vision.patch_size) * self._vision.spatial_merge_size

    @property
    def specials(self) -> Specials:
        start, end, image, _, motion, audio = _ids(self.tokenizer)
        return Specials(start, end, image, motion, audio, self.tokenizer.eos_token_id)

    def encode_pictures(
        self, pictures: UInt8[Tensor, "pictures height wide 3"]
    ) -> Float[Tensor, "pictures patches width"]:
        vision = self._vision
        patches, grid = patchify(pictures, patch_px=cast(int, vision.patch_size), merge=vision.spatial_merge_size)
        return torch.stack(list(self.bare.get_image_features(patches, grid).pooler_output))

    def place(self, prefix: Prefix, *, grid: int) -> Prefix:
        types, grids = self._types(prefix, grid)
        positions, _ = self.bare.model.get_rope_index(prefix.ids[None], types[None], image_grid_thw=grids)
        return prefix._replace(positions=positions[:, 0])

    def _types(self, prefix: Prefix, grid: int) -> tuple[Tensor, Tensor | None]:
        """Modality ids as M-RoPE wants them, and the patch grids of the pictures among them."""
        as_picture = prefix.kinds == 1
        if self.settings.motion_positions == "grid":
            as_picture |= prefix.kinds == 2
        started = as_picture & torch.cat([torch.tensor([True]), prefix.kinds[1:] != prefix.kinds[:-1]])
        merge = self._vision.spatial_merge_size
        grids = torch.tensor([[1, grid * merge, grid * merge]]).expand(int(started.sum()), 3)
        return as_picture.long(), grids if len(grids) else None

    def logits(
        self,
        packed: Packed,
        *,
        pictures: Float[Tensor, "batch patches width"] | None,
        injected: Sequence[tuple[int, Tensor]],
    ) -> Float[Tensor, "batch length vocabulary"]:
        with self.injection.of(injected):
            return self.model(
                input_ids=packed.ids,
                position_ids=packed.positions,
                attention_mask=packed.mask,
                mm_encoder_outputs=_as_encoded(pictures),
                use_cache=False,
            ).logits

    def generate(
        self,
        prompts: Sequence[Int[Tensor, " _"]],
        prefixes: Sequence[Prefix],
        *,
        grid: int,
        pictures: Float[Tensor, "batch patches width"] | None,
        injected: Sequence[tuple[int, Tensor]],
        max_new_tokens: int,
        samples: int,
        temperature: float,
        seed: int,
    ) -> Int[Tensor, "answers new_tokens"]:
        ids, mask, types, grids = self._left_padded(prompts, prefixes, grid)
        banned = [[token] for token in _ids(self.tokenizer)]
        with self.injection.of(injected), torch.random.fork_rng():
            torch.manual_seed(seed)
            out = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                mm_token_type_ids=types,
                image_grid_thw=grids,
                mm_encoder_outputs=_as_encoded(pictures),
                max_new_tokens=max_new_tokens,
                num_return_sequences=samples,
                do_sample=temperature > 0,
                temperature=temperature or None,
                top_k=0 if temperature else None,
                top_p=None,
                bad_words_ids=banned,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        return out[:, ids.shape[1] :]

    def _left_padded(
        self, prompts: Sequence[Tensor], prefixes: Sequence[Prefix], grid: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        length = max(len(p.ids) + len(q) for p, q in zip(prefixes, prompts, strict=True))
        ids = torch.full((len(prompts), length), self.tokenizer.pad_token_id)
        mask, types, grids = torch.zeros_like(ids), torch.zeros_like(ids), []
        for row, (start, prompt) in enumerate(zip(prefixes, prompts, strict=True)):
            kinds, picture_grids = self._types(start, grid)
            size = len(start.ids) + len(prompt)
            ids[row, length - size :] = torch.cat([start.ids, prompt])
            mask[row, length - size :] = 1
            types[row, length - size : length - len(prompt)] = kinds
            grids += [] if picture_grids is None else [picture_grids]
        return ids, mask, types, torch.cat(grids) if grids else None

    def save(self, folder: Path) -> None:
        self.bare.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def patchify(
    pictures: UInt8[Tensor, "pictures height wide 3"], *, patch_px: int, merge: int
) -> tuple[Float[Tensor, "rows numbers"], Int[Tensor, "pictures 3"]]:
    """Normalised patches in the order the vision tower wants (merge blocks first), and each picture's patch grid.

    A still picture is repeated once in time, since the tower's patches are two frames deep [1].
    """
    count, height, wide, _ = pictures.shape
    block = patch_px * merge
    if height % block or wide % block:
        raise ValueError(f"a picture of {wide}x{height} does not divide into blocks of {block} pixels")
    scaled = (pictures.float() / 255 - torch.tensor(MEAN)) / torch.tensor(SPREAD)
    rows, columns = height // block, wide // block
    cut = scaled.reshape(count, rows, merge, patch_px, columns, merge, patch_px, 3)
    ordered = cut.permute(0, 1, 4, 2, 5, 7, 3, 6)[:, :, :, :, :, :, None].expand(-1, -1, -1, -1, -1, -1, 2, -1, -1)
    grid = torch.tensor([[1, rows * merge, columns * merge]]).expand(count, 3)
    return ordered.reshape(count * rows * columns * merge**2, -1), grid


def _as_encoded(pictures: Tensor | None) -> "dict[str, BaseModelOutputWithPooling] | None":
    """Cached vision features in the form in which the host accepts them instead of pixels."""
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    if pictures is None or pictures.shape[1] == 0:
        return None
    per_picture = cast(Tensor, tuple(pictures))  # what the host's own tower returns, whatever the annotation says
    return {"image": BaseModelOutputWithPooling(pooler_output=per_picture)}
