"""Qwen3-VL as a host: the hub's weights, or the same architecture small and random for a laptop.

Its tower speaks at several depths (DeepStack [2]): what it says last enters at the embedding, what it said earlier is
added behind the first layers of the language model. All of it is one row per visual token here, the last word first,
so that frozen features are cached whole.

References:
    [1] Bai et al., Qwen3-VL technical report, arXiv 2511.21631.
    [2] Meng et al., DeepStack: deeply stacking visual tokens, arXiv 2406.04334.
"""

from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from codecsense.hosts._hub import Family, HubConfig, language_model
from codecsense.hosts._mrope import MRopeHost

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Qwen3VLConfig


class Qwen3VLHost(MRopeHost):
    """Qwen3-VL behind the contract of `codecsense.hosts`."""

    family = Family(
        model_type="qwen3_vl",
        opens="<|vision_start|>",
        closes="<|vision_end|>",
        picture="<|image_pad|>",
        others=("<|video_pad|>",),
        mean=(0.5, 0.5, 0.5),
        spread=(0.5, 0.5, 0.5),
    )

    @property
    def seen(self) -> int:
        return self.width * (1 + len(self._vision.deepstack_visual_indexes))

    def encode_pictures(
        self, pictures: UInt8[Tensor, "pictures height wide 3"]
    ) -> Float[Tensor, "pictures patches seen"]:
        said = self.body.get_image_features(**self.pixels(pictures))
        depths = [said.pooler_output, *said.deepstack_features]
        return torch.cat([torch.stack(list(depth)) for depth in depths], dim=-1)

    def encoded(self, pictures: Float[Tensor, "batch patches seen"]) -> Any:
        from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

        depths: list[Any] = [list(depth) for depth in pictures.split(self.width, dim=-1)]
        last, *earlier = depths
        return BaseModelOutputWithDeepstackFeatures(pooler_output=last, deepstack_features=earlier)


class Settings(HubConfig):
    """Which weights, and how motion tokens are placed."""

    name: Literal["qwen3_vl"]
    host = Qwen3VLHost

    def architecture(self, tokenizer: "PreTrainedTokenizerBase") -> "Qwen3VLConfig":
        """The configuration of the tiny twin, whose tower speaks at two depths."""
        from transformers import Qwen3VLConfig

        size = self.tiny
        start, end, image, video = tokenizer.convert_tokens_to_ids(list(self.host.family.names[:4]))
        head = size.width // size.heads
        sixth = head // 6
        rope = {
            "rope_type": "default",
            "rope_theta": 5000000.0,
            "mrope_interleaved": True,
            "mrope_section": [head // 2 - 2 * sixth, sixth, sixth],
        }
        return Qwen3VLConfig(
            text_config=language_model(size, tokenizer) | {"head_dim": head, "rope_parameters": rope},
            vision_config={
                "depth": size.vision_layers,
                "hidden_size": size.vision_width,
                "intermediate_size": 2 * size.vision_width,
                "num_heads": 4,
                "patch_size": size.patch_px,
                "spatial_merge_size": 2,
                "temporal_patch_size": 2,
                "num_position_embeddings": 64,
                "deepstack_visual_indexes": [0],
                "out_hidden_size": size.width,
                "initializer_range": size.vision_width**-0.5,
            },
            vision_start_token_id=start,
            vision_end_token_id=end,
            image_token_id=image,
            video_token_id=video,
            tie_word_embeddings=True,
        )
