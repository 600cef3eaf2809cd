"""Clips as a model reads them: what the frozen encoders say of a split, and its codec maps, in memory or mapped.

The tower and the audio encoder are frozen: what they say is computed once (stage `features`) and shared by every run.

Shapes:
    clips  of the table    moments  frames encoded per clip: anchors and the frames between    patches  tokens per frame
"""

import hashlib
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import cv2
import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int, UInt8
from safetensors.torch import load_file, save_file
from torch import Tensor

from codecsense.adapter import Shapes, TriStream
from codecsense.audio.branch import AudioEncoder, pool
from codecsense.hosts import Host
from codecsense.progress import track
from codecsense.sequence import Given

Modality = Literal["pictures", "motion", "audio"]
SENSES: dict[str, tuple[Modality, ...]] = {"sight": ("pictures", "motion"), "sound": ("audio",)}
CONTEXT_PX = 224  # along a side of the opening anchors beside the maps; the tower sees them as large as they are


@runtime_checkable
class Store(Protocol):
    """Where the arrays of videos are: shards (`StreamStore`), or one video just extracted."""

    index: pl.DataFrame

    def get(self, name: str, video_id: str) -> np.ndarray:
        """One array of one video."""

    def stack(self, name: str, video_ids: list[str]) -> np.ndarray:
        """One array of many videos of equal shape, side by side."""


class Batch(NamedTuple):
    """Some clips, ready for the model; `given` says what of them it is shown, which is everything where it is None."""

    tower: Float[Tensor, "batch moments patches host_width"]
    tri: TriStream
    sound: Float[Tensor, "batch intervals pieces sound_width"]
    deep: Float[Tensor, "batch moments patches depths"] | None = None
    given: Given | None = None


class Features(NamedTuple):
    """What the frozen encoders say of every clip."""

    tower: Float[Tensor, "clips moments patches host_width"]
    sound: Float[Tensor, "clips intervals pieces sound_width"]
    deep: Float[Tensor, "clips moments patches depths"] | None = None

    @staticmethod
    def of(
        seen: Float[Tensor, "clips moments patches seen"],
        sound: Float[Tensor, "clips intervals pieces sound_width"],
        *,
        host_width: int,
    ) -> "Features":
        """What tower and audio encoder say; `deep` holds the further depths of a host that reads several.

        Adapters and Stage 1 look at the tower's last word alone, so that is what `tower` is for every host.
        """
        tower, deep = seen[..., :host_width], seen[..., host_width:]
        return Features(tower=tower, sound=sound, deep=deep if deep.shape[-1] else None)

    def save(self, file: Path) -> None:
        """Write to one safetensors file, in half precision."""
        known = {name: value for name, value in self._asdict().items() if value is not None}
        save_file({name: value.half().contiguous() for name, value in known.items()}, file)

    @staticmethod
    def read(file: Path) -> "Features":
        """What `save` wrote."""
        arrays = load_file(file)
        return Features(tower=arrays["tower"], sound=arrays["sound"], deep=arrays.get("deep"))


@torch.no_grad()
def encode_tower(
    host: Host, pictures: UInt8[Tensor, "clips moments height wide 3"]
) -> Float[Tensor, "clips moments patches seen"]:
    """What the frozen tower says of every moment of some clips, in half precision."""
    count, side = pictures.shape[1], host.settings.picture_px
    return host.encode_pictures(squared(pictures.flatten(0, 1), side)).half().cpu().unflatten(0, (-1, count))


def squared(pictures: UInt8[Tensor, "pictures height wide 3"], side: int) -> UInt8[Tensor, "pictures side side 3"]:
    """Pictures as squares of `side` pixels, whatever their shape was: every one costs the same number of tokens."""
    if pictures.shape[1:3] == (side, side):
        return pictures
    shown = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in pictures.numpy()]
    return torch.from_numpy(np.stack(shown))


@torch.no_grad()
def encode_sound(
    encoder: AudioEncoder, mel: Float[Tensor, "clips mels steps"], *, bounds: list[float], pieces: int, batch: int = 64
) -> Float[Tensor, "clips intervals pieces sound_width"]:
    """What the frozen audio encoder says of every interval of every clip, in half precision."""
    parts = [
        pool(encoder(some.float()), bounds=bounds, pieces=pieces).half()
        for some in track(mel.split(batch), label="features: sound")
    ]
    return torch.cat(parts)


def moments(store: Store, ids: list[str]) -> UInt8[Tensor, "clips moments height wide 3"]:
    """Anchors and the frames between them, in the order of time."""
    anchors, frames = store.stack("anchors", ids), store.stack("frames", ids)
    inner = np.concatenate([anchors[:, :-1, None], frames], axis=2)
    flat = inner.reshape(len(ids), -1, *inner.shape[3:])
    return torch.from_numpy(np.concatenate([flat, anchors[:, -1:]], axis=1))


def sound_bounds(store: Store, video_id: str, *, states_per_s: float) -> list[float]:
    """When the anchors of a video are, counted in states of the audio encoder."""
    times: list[float] = (store.get("anchor_time_s", video_id) * states_per_s).tolist()
    return times


def at_anchors(ids: Sequence[str], features: Features, store: Store) -> Float[Tensor, "clips anchors patches seen"]:
    """What the tower says of the anchors of these clips, at every depth that the host reads."""
    intervals = len(store.get("anchor_time_s", ids[0])) - 1
    step = (features.tower.shape[1] - 1) // intervals
    said = features.tower if features.deep is None else torch.cat([features.tower, features.deep], dim=-1)
    return said[_rows(ids, features, store), ::step]


def _rows(ids: Sequence[str], features: Features, store: Store) -> Int[Tensor, " clips"]:
    """Where these clips stand in the store, and so in the features."""
    everyone = {clip: row for row, clip in enumerate(store.index["video_id"].to_list())}
    missing = [clip for clip in ids if clip not in everyone]
    if missing:
        raise ValueError(f"{len(missing)} clips have no streams, first: {missing[0]}; run dvc repro extract")
    if len(features.tower) != len(everyone):
        raise ValueError(
            f"features of {len(features.tower)} clips for a store of {len(everyone)}; run dvc repro features"
        )
    return torch.tensor([everyone[clip] for clip in ids])


class Clips:
    """The clips of one split, by id; without the pixels of opening anchors where no adapter looks at them."""

    def __init__(self, ids: Sequence[str], features: Features, store: Store, *, looked_at: bool = True) -> None:
        rows = _rows(ids, features, store)
        self.ids = list(ids)
        self.store = store
        self.looked_at = looked_at
        self.context_px = min(CONTEXT_PX, *store.get("anchors", self.ids[0]).shape[1:3]) if self.ids else CONTEXT_PX
        self.tower = features.tower[rows]
        self.sound = features.sound[rows]
        self.deep = None if features.deep is None else features.deep[rows]
        self.mv = torch.from_numpy(np.ascontiguousarray(store.stack("mv", self.ids)))
        self.residual = torch.from_numpy(np.ascontiguousarray(store.stack("residual", self.ids)))
        self.mask = torch.from_numpy(np.ascontiguousarray(store.stack("map_mask", self.ids)))
        self.intervals = self.mv.shape[1]
        self.hidden: frozenset[Modality] = frozenset()

    def without(self, *hidden: Modality) -> "Clips":
        """The same clips with these modalities masked: a model that is shown them meets no token of theirs.

        Motion tokens tell of appearance, too (the context stream), so eyes are closed by `pictures` and `motion`.
        """
        masked = copy(self)
        masked.hidden = self.hidden | frozenset(hidden)
        return masked

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def anchors(self) -> list[int]:
        """Which moments are anchors."""
        step = (self.tower.shape[1] - 1) // self.intervals
        return list(range(0, self.tower.shape[1], step))

    @property
    def shapes(self) -> Shapes:
        """The sizes a model for these clips must have."""
        _, intervals, maps, _, rows, _ = self.mv.shape
        inner = (self.tower.shape[1] - 1) // intervals - 1
        return Shapes(intervals, maps, rows, self.tower.shape[2], inner, self.tower.shape[3])

    def batch(self, rows: Tensor, given: Given | None = None) -> Batch:
        """The clips of these rows, in single precision; `given` of them, less what is masked in all."""
        tower = self.tower[rows].float()
        step = (tower.shape[1] - 1) // self.intervals
        inner = tower[:, :-1].unflatten(1, (self.intervals, step))
        tri = TriStream(
            mv=self.mv[rows].float(),
            residual=self.residual[rows].float(),
            mask=self.mask[rows],
            context=inner[:, :, 0],
            frames=inner[:, :, 1:],
            pictures=torch.stack([self._opening(self.ids[row]) for row in rows.tolist()]) if self.looked_at else None,
        )
        deep = None if self.deep is None else self.deep[rows].float()
        return Batch(
            tower=tower, tri=tri, sound=self.sound[rows].float(), deep=deep, given=self._given(len(rows), given)
        )

    def content(self, row: int) -> str:
        """A name for all that a model is shown of a clip; equal clips have equal names, whatever they are called."""
        batch, digest = self.batch(torch.tensor([row])), hashlib.sha256()
        for array in (batch.tower, batch.deep, batch.sound, *batch.tri, *(batch.given or ())):
            if array is not None:
                digest.update(f"{array.dtype} {tuple(array.shape)}".encode())
                digest.update(array.numpy().tobytes())
        return digest.hexdigest()

    def _given(self, count: int, given: Given | None) -> Given | None:
        if not self.hidden:
            return given
        intervals = torch.ones(count, self.intervals, dtype=torch.bool)
        everything = Given(torch.ones(count, self.intervals + 1, dtype=torch.bool), intervals, intervals)
        pictures, motion, sound = given or everything
        return Given(
            pictures=pictures & ("pictures" not in self.hidden),
            motion=motion & ("motion" not in self.hidden),
            sound=sound & ("audio" not in self.hidden),
        )

    def _opening(self, clip: str) -> UInt8[Tensor, "intervals height wide 3"]:
        """The opening anchors of a clip, no larger than an encoder with eyes of its own wants them."""
        anchors = self.store.get("anchors", clip)
        return squared(torch.from_numpy(np.array(anchors[:-1])), self.context_px)
