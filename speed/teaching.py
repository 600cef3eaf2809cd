"""What cached vision features are worth in Stage 2: the same steps with the frozen tower asked once, or in every step.

    python speed/teaching.py [--steps 4]

The model, batch and questions of params.yaml, random weights and clips of the micro world's sizes: what is computed,
and so how long it takes, does not depend on the numbers. CPU seconds of one process and one thread, getting ready
included (more `--steps` make it count less), the least of three rounds in which both take turns. At least 1.7 times the
throughput is promised of the shipped model, whose tower sees the anchors of a clip; the dense rival's, which sees the
frames between them as well, stands beside it.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from codecsense import config
from codecsense.clips import Batch, Clips, Features, moments
from codecsense.hosts import Host
from codecsense.model import Model
from codecsense.sequence import Given, Text
from codecsense.texts import ClipTexts, Question
from codecsense.training import sft
from codecsense.training.processes import Processes

PARAMS = config.read(Path(__file__).parents[1] / "params.yaml")
ROUNDS = 3
CLIPS = 32
ASKED, ANSWERED = 9, 2  # tokens of a question and its answer, about those of the world
PROMISED = 1.7


class Drawn:
    """Streams of random numbers in the sizes of section `extract`, where a store has those of videos."""

    def __init__(self) -> None:
        extract, generator = PARAMS["extract"], np.random.default_rng(0)
        rows, columns = extract["grid"]["rows"], extract["grid"]["columns"]
        anchors, side = extract["anchors"]["count"], PARAMS["model"]["host"]["picture_px"]
        size = (CLIPS, anchors - 1, extract["maps_per_interval"])
        self.index = pl.DataFrame({"video_id": [f"clip_{number}" for number in range(CLIPS)]})
        self.arrays = {
            "mv": generator.standard_normal((*size, 2, rows, columns)).astype(np.float16),
            "residual": generator.standard_normal((*size, 1, rows, columns)).astype(np.float16),
            "map_mask": np.ones(size, bool),
            "anchors": generator.integers(0, 256, (CLIPS, anchors, side, side, 3), np.uint8),
            "frames": generator.integers(
                0, 256, (CLIPS, anchors - 1, extract["frames_per_interval"], side, side, 3), np.uint8
            ),
        }

    def get(self, name: str, video_id: str) -> np.ndarray:
        """One array of one clip."""
        return self.arrays[name][int(video_id.removeprefix("clip_"))]

    def stack(self, name: str, video_ids: list[str]) -> np.ndarray:
        """One array of many clips."""
        return np.stack([self.get(name, clip) for clip in video_ids])


class Seen(Clips):
    """Clips that the tower sees again in every step, as without a cache: their anchors, or all moments."""

    def __init__(self, cached: Clips, features: Features, host: Host, *, dense: bool) -> None:
        super().__init__(cached.ids, features, cached.store, looked_at=cached.looked_at)
        self.host = host
        self.seen = list(range(cached.tower.shape[1])) if dense else cached.anchors
        self.pictures = moments(cached.store, cached.ids)[:, self.seen]

    @torch.no_grad()
    def batch(self, rows: Tensor, given: Given | None = None) -> Batch:
        said = self.host.encode_pictures(self.pictures[rows].flatten(0, 1)).unflatten(0, (len(rows), -1))
        self.tower[rows[:, None], torch.tensor(self.seen)] = said.half()
        return super().batch(rows, given)


def seconds(cached: bool, steps: int, *, dense: bool) -> float:
    """CPU seconds of that many steps of Stage 2, LoRA and optimiser made anew."""
    settings = sft.SFT.model_validate(PARAMS["sft"] | {"steps": steps, "save_every_s": 1e9})
    streams = ["frames", "context"] if dense else PARAMS["model"]["adapter"]["streams"]
    adapter = PARAMS["model"]["adapter"] | {"streams": streams}
    described = Model.model_validate(PARAMS["model"] | {"adapter": adapter})
    host = described.host.build(words=[f"word{number}" for number in range(200)], seed=0)
    host.requires_grad_(False)
    features, store = _features(host), Drawn()
    clips = Clips(store.index["video_id"].to_list(), features, store, looked_at=described.adapter.looks)
    if not cached:
        clips = Seen(clips, features, host, dense=dense)
    network = described.build(host, clips.shapes, sound_width=1, seed=0)
    processes = Processes(settings.compute, batch=settings.batch, clip=settings.optimiser.clip)
    lesson = sft.Lesson(clips, [_texts(settings) for _ in range(CLIPS)])
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        sft.fit(network, lesson, None, settings, seed=0, state_file=Path(folder) / "state.pt", processes=processes)
        return time.process_time() - started


def _features(host: Host) -> Features:
    """What the tower says of all moments, of a picture each."""
    extract, side = PARAMS["extract"], PARAMS["model"]["host"]["picture_px"]
    count = (extract["anchors"]["count"] - 1) * (extract["frames_per_interval"] + 1) + 1
    patches = (side // host.block_px) ** 2
    pieces = (CLIPS, extract["anchors"]["count"] - 1, PARAMS["model"]["audio"]["pieces"], 1)
    return Features(torch.randn(CLIPS, count, patches, host.width).half(), torch.zeros(pieces).half())


def _texts(settings: sft.SFT) -> ClipTexts:
    """As many questions and captions as a step asks of a clip, of random words."""

    def text() -> Text:
        ids = torch.randint(20, 200, (ASKED + ANSWERED,)).tolist()
        return Text(ids[:ASKED], ids[ASKED:])

    questions = [Question(text(), type_, -1) for type_, count in settings.questions.items() for _ in range(count)]
    captions = {modality: [text() for _ in range(count)] for modality, count in settings.captions.items()}
    return ClipTexts(questions, captions, [], {})


def main() -> None:
    """Measure and print; exit code 1 if the promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    ratios = {seen: ratio(seen, chosen.steps) for seen in ("anchors", "all moments")}
    kept = ratios["anchors"] >= PROMISED
    for seen, found in ratios.items():
        print(f"cached features where the tower sees {seen}: {found:.2f} times the throughput")
    print(f"at least {PROMISED} for anchors: {'kept' if kept else 'MISSED'}")
    sys.exit(not kept)


def ratio(seen: str, steps: int) -> float:
    """How many times the throughput is with features cached."""
    best = {"cached": float("inf"), "asked in every step": float("inf")}
    for _ in range(ROUNDS):
        for name in best:
            taken = seconds(name == "cached", steps, dense=seen == "all moments")
            best[name] = min(best[name], taken)
    for name, taken in best.items():
        print(f"{seen:12s} tower {name:20s} {taken / steps:6.2f} s a step")
    return best["asked in every step"] / best["cached"]


if __name__ == "__main__":
    main()
