"""What a job will cost before it is submitted: tokens per sample, memory per GPU, and the cache of vision features.

Nothing is loaded: the host is outlined from its config.json, the senses are built without memory, and all is counted.
Weights, gradients and optimiser states are exact by ZeRO's arithmetic [1]. Activations are those of one decoder layer
written out, times the layers that keep theirs [2]; attention is taken to keep no scores. Expect a tenth more or less.

References:
    [1] Rajbhandari et al., ZeRO, arXiv 1910.02054, section 3.
    [2] Korthikanti et al., Reducing activation recomputation in large transformer models, arXiv 2205.05198.
"""

from pathlib import Path
from typing import Any, NamedTuple

from codecsense.adapter import Shapes
from codecsense.hosts import Host
from codecsense.model import CodecSense, Model
from codecsense.streams.settings import ExtractConfig
from codecsense.training.lora import LoRAConfig
from codecsense.training.lora import add as add_lora

ARCHITECTURES = Path("profiles/architectures")
RESERVE = 2 * 2**30  # CUDA's own, libraries, and what the allocator cannot use


class Job(NamedTuple):
    """How a step is spread over GPUs."""

    gpus: int
    zero: int  # 0, 2 or 3
    samples_per_gpu: int  # at once; accumulation costs time and no memory
    text_tokens: int  # question and answer, per sample
    checkpointing: bool


class Tokens(NamedTuple):
    """Tokens of one sample, by what they carry."""

    pictures: int
    motion: int
    sound: int
    frame: int  # what opens and closes a picture
    text: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


class Estimate(NamedTuple):
    """Tokens, weights by whether they train, bytes per GPU by what fills them, and bytes of cached features."""

    tokens: Tokens
    dense_tokens: int  # of 32 such pictures and the same text
    frozen_weights: int
    trained_weights: int
    bytes_per_gpu: dict[str, int]
    cached_bytes_per_video: int

    @property
    def total_bytes(self) -> int:
        """The peak on one GPU."""
        return sum(self.bytes_per_gpu.values())


def architecture_of(weights: str, known: Path = ARCHITECTURES) -> Path:
    """The config.json of weights: beside them if they are a folder, else the copy that is kept here by their name."""
    beside, kept = Path(weights) / "config.json", known / f"{weights.rsplit('/', 1)[-1]}.json"
    for file in (beside, kept):
        if file.is_file():
            return file
    raise ValueError(f"no config.json is known for {weights}; save the hub's as {kept}")


def of_sections(
    model: dict[str, Any], extract: ExtractConfig, lora: dict[str, Any], architecture: Path | None, job: Job
) -> tuple[Path, Estimate]:
    """The config.json and the estimate for sections of params.yaml as they are written."""
    if job.zero not in (0, 2, 3):
        raise ValueError(f"ZeRO has no stage {job.zero} here; take 0, 2 or 3")
    settings = Model.model_validate(model)
    file = architecture or architecture_of(settings.host.weights)
    return file, estimate(settings, extract, LoRAConfig.model_validate(lora), file, job)


def outline(model: Model, extract: ExtractConfig, architecture: Path) -> CodecSense:
    """The whole model without memory, for clips as the extraction will give them."""
    from accelerate import init_empty_weights

    host = model.host.outline(architecture)
    shapes = Shapes(
        intervals=extract.anchors.count - 1,
        maps=extract.maps_per_interval,
        rows=extract.grid.rows,
        patches=(model.host.picture_px // host.block_px) ** 2,
        inner=extract.frames_per_interval,
        host_width=host.width,
    )
    with init_empty_weights():
        return model.build(host, shapes, sound_width=host.width, seed=0)


def tokens_of(network: CodecSense, text: int) -> Tokens:
    """What a sample costs."""
    kinds = network.start.kinds
    frame, pictures, motion, sound = (int((kinds == kind).sum()) for kind in range(4))
    return Tokens(pictures=pictures, motion=motion, sound=sound, frame=frame, text=text)


def estimate(model: Model, extract: ExtractConfig, lora: LoRAConfig, architecture: Path, job: Job) -> Estimate:
    """The cost of a step of Stage 2, with vision features cached."""
    network = outline(model, extract, architecture)
    host = network.host
    trained = sum(weight.numel() for part in (network.adapter, network.audio) if part for weight in part.parameters())
    frozen = sum(weight.numel() for weight in host.parameters())
    trained += sum(weight.numel() for weight in add_lora(host, "sft", lora, seed=0))
    tokens = tokens_of(network, job.text_tokens)
    number_bytes = host.bare.dtype.itemsize
    states = spread(frozen, trained, number_bytes=number_bytes, job=job)
    read = tokens.total * job.samples_per_gpu
    activations = activation_bytes(
        host,
        read,
        words=job.text_tokens * job.samples_per_gpu,
        number_bytes=number_bytes,
        checkpointing=job.checkpointing,
    )
    moments = network.shapes.intervals * (network.shapes.inner + 1) + 1
    per_picture = network.shapes.patches + (tokens.frame // network.layout.anchors)
    return Estimate(
        tokens=tokens,
        dense_tokens=32 * per_picture + job.text_tokens,
        frozen_weights=frozen,
        trained_weights=trained,
        bytes_per_gpu=states | activations | {"reserve": RESERVE},
        cached_bytes_per_video=moments * network.shapes.patches * host.seen * 2,  # half precision
    )


def spread(frozen: int, trained: int, *, number_bytes: int, job: Job) -> dict[str, int]:
    """Bytes of weights, gradients and optimiser states on one of the GPUs [1].

    What trains is kept in single precision beside the copy that computes; AdamW has two moments of it.
    """
    computing = (frozen + trained) * number_bytes
    kept = trained * 4 if number_bytes < 4 else 0
    gradients, moments = trained * 4, trained * 8
    shared = job.gpus if job.zero else 1
    return {
        "weights": computing // (job.gpus if job.zero == 3 else 1),
        "weights in single precision": kept // shared,
        "gradients": gradients // shared,
        "optimiser": moments // shared,
    }


def activation_bytes(host: Host, tokens: int, *, words: int, number_bytes: int, checkpointing: bool) -> dict[str, int]:
    """What the language model keeps for the way back, and the scores of its whole vocabulary for some `words`."""
    text: Any = host.bare.config.text_config
    width, layers = text.hidden_size, text.num_hidden_layers
    head = getattr(text, "head_dim", None) or width // text.num_attention_heads
    heads = (2 * text.num_attention_heads + 2 * text.num_key_value_heads) * head  # query, mixed values; key, value
    layer = 4 * width + heads + 4 * text.intermediate_size  # two norms and their inputs; gate, its SiLU, up, product
    kept = layers * width + layer if checkpointing else layers * layer
    return {
        "activations": tokens * kept * number_bytes,
        "scores": words * text.vocab_size * (number_bytes + 8),  # for the loss in single precision, with its gradient
    }


def report(found: Estimate) -> list[tuple[str, str]]:
    """The estimate as lines of a table."""
    told = found.tokens
    return [
        ("tokens per sample", f"{told.total}"),
        ("  pictures, with what frames them", f"{told.pictures + told.frame}"),
        ("  motion", f"{told.motion}"),
        ("  sound", f"{told.sound}"),
        ("  text", f"{told.text}"),
        ("tokens of 32 dense frames", f"{found.dense_tokens} ({found.dense_tokens / told.total:.1f} times)"),
        ("weights: frozen, trained", f"{found.frozen_weights / 1e9:.2f} G, {found.trained_weights / 1e6:.1f} M"),
        *((f"GiB per GPU: {name}", f"{size / 2**30:.1f}") for name, size in found.bytes_per_gpu.items()),
        ("GiB per GPU, in all", f"{found.total_bytes / 2**30:.1f}"),
        ("MB of cached vision features per video", f"{found.cached_bytes_per_video / 1e6:.1f}"),
    ]
