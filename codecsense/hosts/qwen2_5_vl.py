"""Qwen2.5-VL as a host: the hub's weights, or the same architecture small and random for a laptop.

References:
    [1] Bai et al., Qwen2.5-VL technical report, arXiv 2502.13923.
"""

from typing import TYPE_CHECKING, Literal

from codecsense.hosts._hub import Family, HubConfig, language_model
from codecsense.hosts._mrope import MRopeHost

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Qwen2_5_VLConfig


class Qwen2_5VLHost(MRopeHost):
    """Qwen2.5-VL behind the contract of `codecsense.hosts`."""

    family = Family(
        model_type="qwen2_5_vl",
        opens="<|vision_start|>",
        closes="<|vision_end|>",
        picture="<|image_pad|>",
        others=("<|video_pad|>",),
        mean=(0.48145466, 0.4578275, 0.40821073),  # CLIP's, which the family's preprocessor uses [1]
        spread=(0.26862954, 0.26130258, 0.27577711),
    )


class Settings(HubConfig):
    """Which weights, and how motion tokens are placed."""

    name: Literal["qwen2_5_vl"]
    host = Qwen2_5VLHost

    def architecture(self, tokenizer: "PreTrainedTokenizerBase") -> "Qwen2_5_VLConfig":
        """The configuration of the tiny twin."""
        from transformers import Qwen2_5_VLConfig

        size = self.tiny
        start, end, image, video = tokenizer.convert_tokens_to_ids(list(self.host.family.names[:4]))
        rope = {
            "rope_type": "default",
            "rope_theta": 1000000.0,
            # The axes take turns, as in Qwen3-VL: in blocks, the small heads of a tiny host would leave the
            # horizontal axis only frequencies too low to tell neighbouring cells apart.
            "mrope_section": [1] * (size.width // size.heads // 2),
        }
        return Qwen2_5_VLConfig(
            text_config=language_model(size, tokenizer) | {"rope_parameters": rope},
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
            vision_start_token_id=start,
            vision_end_token_id=end,
            image_token_id=image,
            video_token_id=video,
            tie_word_embeddings=True,
        )
