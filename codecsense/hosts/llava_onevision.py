"""LLaVA-OneVision as a host: the hub's weights, or the same architecture small and random for a laptop.

Pictures are given as the family gives several of them: each whole, at one size, without tiles. It closes a picture with
a learned vector that is no token; here that vector is the row of one. No token opens a picture, so a line break
does. Positions are counted along one axis, so motion tokens have those of text.

References:
    [1] Li et al., LLaVA-OneVision, arXiv 2408.03326.
"""

from typing import TYPE_CHECKING, Literal, cast

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from codecsense.hosts._hub import Family, HubConfig, HubHost, language_model

if TYPE_CHECKING:
    from transformers import LlavaOnevisionConfig, PreTrainedModel, PreTrainedTokenizerBase

NEWLINE = "<|image_newline|>"


class LlavaOneVisionHost(HubHost):
    """LLaVA-OneVision behind the contract of `codecsense.hosts`."""

    family = Family(
        model_type="llava_onevision",
        opens="\n",
        closes=NEWLINE,
        picture="<image>",
        others=("<video>",),
        mean=(0.5, 0.5, 0.5),
        spread=(0.5, 0.5, 0.5),
    )

    def __init__(self, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", settings: HubConfig) -> None:
        super().__init__(model, tokenizer, settings)
        with torch.no_grad():
            cast(nn.Embedding, model.get_input_embeddings()).weight[self.specials.vision_end] = self.body.image_newline

    @property
    def block_px(self) -> int:
        side: int = self.config.vision_config.patch_size
        return side

    def pixels(self, pictures: UInt8[Tensor, "pictures height wide 3"]) -> dict[str, Tensor]:
        _, height, wide, _ = pictures.shape
        if height != wide:
            raise ValueError(f"a picture of {wide}x{height} is no square, and this host has no tiles here")
        return {"pixel_values": self.normalised(pictures).permute(0, 3, 1, 2).to(self.device)}

    def encode_pictures(
        self, pictures: UInt8[Tensor, "pictures height wide 3"]
    ) -> Float[Tensor, "pictures patches seen"]:
        pixels = self.pixels(pictures)["pixel_values"].to(self.bare.dtype)
        said = self.body.vision_tower(
            pixels,
            output_hidden_states=True,
            # Positions are spread over pictures of another size than the tower was trained on.
            interpolate_pos_encoding=tuple(pixels.shape[2:]) != (self.config.vision_config.image_size,) * 2,
        )
        layer = said.hidden_states[self.config.vision_feature_layer]
        projected: Tensor = self.body.multi_modal_projector(layer)
        return projected


class Settings(HubConfig):
    """Which weights."""

    name: Literal["llava_onevision"]
    motion_positions: Literal["text"]
    host = LlavaOneVisionHost

    def architecture(self, tokenizer: "PreTrainedTokenizerBase") -> "LlavaOnevisionConfig":
        """The configuration of the tiny twin, whose tower knows the positions of 8 x 8 patches."""
        from transformers import LlavaOnevisionConfig

        size = self.tiny
        image, video = tokenizer.convert_tokens_to_ids([self.host.family.picture, *self.host.family.others])
        return LlavaOnevisionConfig(
            text_config={"model_type": "qwen2"} | language_model(size, tokenizer),
            vision_config={
                "model_type": "siglip_vision_model",
                "hidden_size": size.vision_width,
                "intermediate_size": 2 * size.vision_width,
                "num_hidden_layers": size.vision_layers,
                "num_attention_heads": 4,
                "image_size": 8 * size.patch_px,
                "patch_size": size.patch_px,
                "vision_use_head": False,
            },
            image_token_index=image,
            video_token_index=video,
            tie_word_embeddings=True,
        )
