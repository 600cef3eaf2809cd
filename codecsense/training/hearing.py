"""Second lesson, of the tiny audio encoder: which tone it hears, and how many beeps.

Stands in for Whisper's pre-training; labels come from the scripts of the training clips.

Shapes:
    mels, steps  of the spectrum    pieces  states kept per interval
"""

from collections.abc import Sequence

import polars as pl
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from codecsense.audio.branch import AudioEncoder, pool
from codecsense.training.lessons import LessonConfig, Teaching, teach, weights_of

PITCHES = ("low", "mid", "high")
MOST_BEEPS = 3


def sound_labels(clips: Sequence[str], sounds: pl.DataFrame) -> Int[Tensor, "clips intervals 2"]:
    """Tone and number of beeps (less one) of every interval."""
    rows = {clip: index for index, clip in enumerate(clips)}
    labels = torch.zeros(len(clips), int(sounds["interval"].to_numpy().max()) + 1, 2, dtype=torch.long)
    for heard in sounds.filter(pl.col("clip_id").is_in(list(clips))).iter_rows(named=True):
        what = torch.tensor([PITCHES.index(heard["pitch"]), heard["beeps"] - 1])
        labels[rows[heard["clip_id"]], heard["interval"]] = what
    return labels


def teach_hearing(
    encoder: AudioEncoder,
    mel: Float[Tensor, "clips mels steps"],
    heard: Int[Tensor, "clips intervals 2"],
    lesson: LessonConfig,
    teaching: Teaching,
    *,
    bounds: Sequence[float],
    pieces: int,
) -> list[dict[str, float]]:
    """The audio encoder learns the tone and the number of beeps of each interval, from the states that will be kept."""
    with torch.random.fork_rng():
        torch.manual_seed(teaching.seed)
        sizes = (len(PITCHES), MOST_BEEPS)
        heads = nn.ModuleList([nn.Linear(pieces * encoder.width, size) for size in sizes])
    weights = weights_of({"encoder": encoder, "heads": heads})

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(mel), (lesson.batch,), generator=generator)
        states = pool(encoder(mel[rows].float()), bounds=bounds, pieces=pieces).flatten(2)
        scores = [head(states).flatten(0, 1) for head in heads]
        losses = (functional.cross_entropy(score, heard[rows][..., n].flatten()) for n, score in enumerate(scores))
        right = [(score.argmax(-1) == heard[rows][..., n].flatten()).float().mean() for n, score in enumerate(scores)]
        return sum(losses, torch.zeros(())), {"tone": float(right[0]), "beeps": float(right[1])}

    return teach(step, weights, lesson, teaching, name="hearing")
