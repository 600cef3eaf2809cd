"""First lesson of the tiny host: its vision tower learns what stands in each cell of an anchor."""

from pathlib import Path

import torch

from codecsense.model import Model
from codecsense.schemas import captions as captions_table
from codecsense.schemas import facts as facts_table
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore
from codecsense.texts import WORDS, clips_of
from codecsense.training.curves import write_curve
from codecsense.training.lessons import LessonConfig, Teaching, name_only
from codecsense.training.seeing import cell_labels, teach_seeing
from codecsense.world.questions import CELLS
from codecsense.world.vocabulary import words


def see(
    *,
    seed: int,
    model: Model,
    see: LessonConfig,
    facts: Path,
    captions: Path,
    streams: Path,
    tower: Path,
    scratch: Path,
) -> None:
    """Write a host whose vision tower is taught, and whose language model is as it was drawn, to `tower`."""
    if model.host.weights != "tiny":
        name_only(model.host.weights, tower)
        return
    work = folder(scratch, "see", settings=[seed, model.host, see], inputs=[facts, captions, streams])
    store, ids = StreamStore(streams), clips_of(captions_table.read(captions), "train")
    network = model.host.build(words=sorted({*words(), *WORDS}), seed=seed)
    pictures = torch.from_numpy(store.stack("anchors", ids)).flatten(0, 1)
    labels = cell_labels(ids, facts_table.read(facts), cells=len(CELLS)).flatten(0, 1)
    curve = teach_seeing(network, pictures, labels, see, Teaching(work, seed), cell_names=CELLS)
    network.save(work / "made" / "host")
    write_curve(curve, work / "made" / "seeing.csv")
    finish(work / "made", tower)
