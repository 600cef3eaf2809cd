"""Tiny twins for tests: the real host, adapter and audio branch, on clips of made-up numbers that take milliseconds."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor

from codecsense import config
from codecsense.adapter import Shapes, TriStream
from codecsense.clips import Clips, Features
from codecsense.hosts import Host
from codecsense.model import CodecSense, Model
from codecsense.schemas import streams as index
from codecsense.streams import VideoStreams
from codecsense.streams.shards import ShardWriter
from codecsense.streams.store import INDEX, StreamStore
from codecsense.texts import WORDS, ClipTexts, by_clip
from codecsense.training.lora import LoRAConfig
from codecsense.training.schedule import OptimiserConfig

PARAMS = Path(__file__).parents[1] / "params.yaml"
INTERVALS, MAPS, ROWS, PATCHES, INNER, WIDTH = 3, 3, 4, 4, 1, 24
SHAPES = Shapes(INTERVALS, MAPS, ROWS, PATCHES, INNER, WIDTH)
MOMENTS = INTERVALS * (INNER + 1) + 1
PICTURE_PX = 16
SOUND_WIDTH, PIECES = 6, 2
ANSWERS = ("left", "right", "red", "blue")
WORD_LIST = sorted({*WORDS, *ANSWERS, "what", "did", "it", "do", "go", "high", "n2", "?"})

_HOST: dict[str, Any] = {
    "weights": "tiny",
    "dtype": "float32",
    "attention": "sdpa",
    "device_map": None,
    "picture_px": PICTURE_PX,
    "tiny": {
        "patch_px": 4,
        "vision_width": 16,
        "vision_layers": 2,
        "width": WIDTH,
        "mlp_width": 4 * WIDTH,
        "layers": 2,
        "heads": 2,
    },
    "motion_positions": "text",
}
# How each file of codecsense/hosts is built small.
HOSTS = {name: {"name": name} | _HOST for name in ("qwen2_5_vl", "qwen3_vl", "internvl3", "llava_onevision")}
OPTIMISER = OptimiserConfig(matrices="adamw", warmup_steps=1, weight_decay=0.01, clip=1.0, decay_share=1.0)
LORA = LoRAConfig(rank=2, alpha=4, targets=["q_proj", "v_proj", "down_proj"])


def settings(**changes: Any) -> Model:
    """Section `model`, tiny; keys of `changes` are dotted with two underscores: `adapter__streams=["mv"]`."""
    values: dict[str, Any] = {
        "host": HOSTS["qwen2_5_vl"],
        "pictures": "anchors",
        "adapter": {
            "streams": ["mv", "residual", "context"],
            "encoder": {"name": "slots", "seen": 3, "mv_unit_px": 4.0, "residual_unit": 32.0},
            "fusion": {"name": "gated"},
            "motion_scale": 1.0,
            "context_skip": 0.5,
            "placement": {"name": "per_anchor"},
            "head": {"name": "per_branch"},
            "projector": "linear",
            "tokens": PATCHES,
            "width": 8,
        },
        "audio": {
            "encoder": {"name": "whisper", "weights": "tiny", "tiny": {"width": SOUND_WIDTH, "layers": 1, "heads": 2}},
            "connector": {"name": "mlp"},
            "tokens": PIECES,
            "pieces": PIECES,
        },
    }
    for dotted, value in changes.items():
        *path, last = dotted.split("__")
        place = values
        for key in path:
            place[key] = dict(place[key])
            place = place[key]
        place[last] = value
    return Model.model_validate(values)


def host(**changes: Any) -> Host:
    """A random host of a word for every id."""
    return settings(**{f"host__{key}": value for key, value in changes.items()}).host.build(words=WORD_LIST, seed=0)


def model(*, seed: int = 0, **changes: Any) -> CodecSense:
    """A random model for the made-up clips."""
    described = settings(**changes)
    own = described.host.build(words=WORD_LIST, seed=0)
    for weight in own.parameters():
        weight.requires_grad_(False)
    return described.build(own, SHAPES, sound_width=SOUND_WIDTH, seed=seed)


def for_shipped(folder: Path, own: Host, settings: Model) -> CodecSense:
    """A model around `own` that fits what params.yaml extracts; its host and its ear are written to `folder`."""
    shipped = config.read(PARAMS)["extract"]
    own.save(folder / "weights" / "host")
    steps = round(100 * shipped["sound"]["window_s"])
    encoder = settings.audio.encoder.build(mels=shipped["sound"]["num_mels"], steps=steps // 2 * 2, seed=0)
    encoder.save(folder / "ear" / "audio")
    shapes = Shapes(
        intervals=shipped["anchors"]["count"] - 1,
        maps=shipped["maps_per_interval"],
        rows=shipped["grid"]["rows"],
        patches=16,
        inner=shipped["frames_per_interval"],
        host_width=own.width,
    )
    adapter = settings.adapter.model_copy(update={"tokens": 16})
    return settings.model_copy(update={"adapter": adapter}).build(own, shapes, sound_width=SOUND_WIDTH, seed=0)


def ids(number: int) -> list[str]:
    """Names of made-up clips."""
    return [f"clip_{n:03d}" for n in range(number)]


def store(folder: Path, number: int) -> StreamStore:
    """Streams of made-up clips, on disk as any corpus' are."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    writer = ShardWriter(folder / "shard.safetensors", ids(number))
    for clip in ids(number):
        writer.add(clip, _streams(generator))
    writer.finish()
    index.write(pl.DataFrame([_row(clip) for clip in ids(number)]), folder / INDEX)
    return StreamStore(folder)


def _streams(generator: np.random.Generator) -> VideoStreams:
    def numbers(*shape: int, size: float, dtype: type = np.float16) -> np.ndarray:
        return (generator.standard_normal(shape) * size).astype(dtype)

    cells = (ROWS, ROWS)
    return VideoStreams(
        anchors=generator.integers(0, 256, (INTERVALS + 1, PICTURE_PX, PICTURE_PX, 3), dtype=np.uint8),
        anchor_time_s=np.arange(INTERVALS + 1, dtype=np.float32),
        frames=generator.integers(0, 256, (INTERVALS, INNER, PICTURE_PX, PICTURE_PX, 3), dtype=np.uint8),
        mv=numbers(INTERVALS, MAPS, 2, *cells, size=4.0),
        cover=np.ones((INTERVALS, MAPS, 1, *cells), np.float16),
        residual=np.abs(numbers(INTERVALS, MAPS, 1, *cells, size=32.0)),
        map_mask=generator.random((INTERVALS, MAPS)) < 0.8,
        map_source=np.ones((INTERVALS, MAPS), np.uint8),
        map_time_s=np.zeros((INTERVALS, MAPS), np.float32),
        qp=np.zeros((INTERVALS, MAPS, 0, *cells), np.float16),
        packet_size=np.ones((INTERVALS, MAPS), np.float32),
        mel=numbers(8, 40, size=1.0),
    )


def _row(clip: str) -> dict[str, Any]:
    sizes = {"picture_height": PICTURE_PX, "picture_width": PICTURE_PX}
    coded = {"coded_height": PICTURE_PX, "coded_width": PICTURE_PX, "num_frames": 13, "num_decoded": 13}
    counts = {"num_anchors": INTERVALS + 1, "num_intervals": INTERVALS, "num_maps": INTERVALS * MAPS}
    named = {"video_id": clip, "path": f"{clip}.mp4", "shard": "shard.safetensors", "content_hash": "0" * 32}
    return (
        named
        | counts
        | sizes
        | coded
        | {
            "duration_s": 4.0,
            "codec": "h264",
            "motion_source": "native",
            "has_audio": True,
        }
    )


def features(number: int) -> Features:
    """What frozen encoders might say of the made-up clips."""
    generator = torch.Generator().manual_seed(1)
    tower = torch.randn(number, MOMENTS, PATCHES, WIDTH, generator=generator)
    sound = torch.randn(number, INTERVALS, PIECES, SOUND_WIDTH, generator=generator)
    return Features(tower=tower.half(), sound=sound.half())


def clips(folder: Path, number: int = 6) -> Clips:
    """Made-up clips."""
    return Clips(ids(number), features(number), store(folder, number))


class Tables(NamedTuple):
    """Questions, captions and rationales about made-up clips."""

    questions: pl.DataFrame
    captions: pl.DataFrame
    rationales: pl.DataFrame


def tables(number: int = 6, *, split: str = "train") -> Tables:
    """One joint and one hidden question per clip, with captions and rationales."""
    questions, captions, rationales = [], [], []
    for row, clip in enumerate(ids(number)):
        for type_ in ("joint", "hidden"):
            asked = {"kind": "way", "interval": -1, "text": "what did it do ?", "options": ["left", "right"]}
            named = {"question_id": f"{clip}_{type_}", "clip_id": clip, "split": split, "type": type_}
            questions.append(named | asked | {"answer": ("left", "right")[row % 2]})
        for modality, text in {"visual": "red go left", "audio": "high n2"}.items():
            for interval in range(INTERVALS):
                part = {"clip_id": clip, "split": split, "interval": interval}
                captions.append(part | {"modality": modality, "text": text})
        summaries = {"summary_visual": "red go left", "summary_audio": "high n2"}
        named = {"question_id": f"{clip}_joint", "clip_id": clip, "split": split}
        rationales.append(named | summaries | {"think": "high", "info": "red left"})
    return Tables(pl.DataFrame(questions), pl.DataFrame(captions), pl.DataFrame(rationales))


def texts(own: CodecSense, number: int = 6) -> list[ClipTexts]:
    """The texts of the tables as ids."""
    made = tables(number)
    return by_clip(
        own.host.tokenizer,
        ids(number),
        questions=made.questions,
        captions=made.captions,
        rationales=made.rationales,
    )


def tri(seed: int = 0, batch: int = 2) -> TriStream:
    """Maps, states and pictures of some clips, drawn from a seed."""
    draw = torch.Generator().manual_seed(seed)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(batch, SHAPES.intervals, *shape, generator=draw)

    return TriStream(
        mv=4 * numbers(SHAPES.maps, 2, SHAPES.rows, SHAPES.rows),
        residual=32 * numbers(SHAPES.maps, 1, SHAPES.rows, SHAPES.rows),
        mask=numbers(SHAPES.maps) < 0.5,
        context=numbers(SHAPES.patches, SHAPES.host_width),
        frames=numbers(SHAPES.inner, SHAPES.patches, SHAPES.host_width),
        pictures=(numbers(16, 16, 3) * 64 + 128).clamp(0, 255).byte(),
    )
