"""InternVL3 in the library's own form (InternVL3-*-hf) as a host: the hub's weights, or the same architecture small.

A picture is one square tile; positions are counted along one axis, so motion tokens have those of text.

References:
    [1] Zhu et al., InternVL3, arXiv 2504.10479.
"""

from typing import TYPE_CHECKING, Any, Literal

from jaxtyping import Float, UInt8
from torch import Tensor

from codecsense.hosts._hub import Family, HubConfig, HubHost, language_model

if TYPE_CHECKING:
    from transformers import InternVLConfig, PreTrainedTokenizerBase


class InternVL3Host(HubHost):
    """InternVL3 behind the contract of `codecsense.hosts`."""

    family = Family(
        model_type="internvl",
        opens="<img>",
        closes="</img>",
        picture="<IMG_CONTEXT>",
        others=(),
        mean=(0.485, 0.456, 0.406),  # ImageNet's [1]
        spread=(0.229, 0.224, 0.225),
    )

    @property
    def block_px(self) -> int:
        return int(self.config.vision_config.patch_size[0] / self.config.downsample_ratio)

    def pixels(self, pictures: UInt8[Tensor, "pictures height wide 3"]) -> dict[str, Tensor]:
        _, height, wide, _ = pictures.shape
        if height != wide or height % self.block_px:
            raise ValueError(f"a picture of {wide}x{height} is no square of blocks of {self.block_px} pixels")
        return {"pixel_values": self.normalised(pictures).permute(0, 3, 1, 2).to(self.device)}

    def encode_pictures(
        self, pictures: UInt8[Tensor, "pictures height wide 3"]
    ) -> Float[Tensor, "pictures patches seen"]:
        said: Tensor = self.body.get_image_features(**self.pixels(pictures)).pooler_output
        return said

    def encoded(self, pictures: Float[Tensor, "batch patches seen"]) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        return BaseModelOutputWithPooling(pooler_output=pictures)  # one tensor, where the other families want a tuple


class Settings(HubConfig):
    """Which weights."""

    name: Literal["internvl3"]
    motion_positions: Literal["text"]
    host = InternVL3Host

    def architecture(self, tokenizer: "PreTrainedTokenizerBase") -> "InternVLConfig":
        """The configuration of the tiny twin, whose tower knows the positions of 8 x 8 patches."""
        from transformers import InternVLConfig

        size = self.tiny
        (image,) = tokenizer.convert_tokens_to_ids([self.host.family.picture])
        return InternVLConfig(
            text_config={"model_type": "qwen2"} | language_model(size, tokenizer),
            vision_config={
                "hidden_size": size.vision_width,
                "intermediate_size": 2 * size.vision_width,
                "num_hidden_layers": size.vision_layers,
                "num_attention_heads": 4,
                "attention_bias": True,
                "image_size": 8 * size.patch_px,
                "patch_size": size.patch_px,
                "initializer_range": size.vision_width**-0.5,
            },
            image_token_id=image,
            tie_word_embeddings=True,
        )
