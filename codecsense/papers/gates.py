"""What the fusion's gates let through of every stream, by what happens in the interval.

The report averages gates by category of question [1, appendix O.3]; gates see no question, so here a category is
what a sprite does. Where steps are cells of the picture (slots), the gate at the sprite's own cell counts.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158.
"""

from pathlib import Path

import polars as pl
import torch

from codecsense.clips import Clips, Features
from codecsense.schemas import facts as facts_table
from codecsense.schemas.facts import NUM_CELLS, Facts
from codecsense.streams.store import StreamStore
from codecsense.training import checkpoints

CLIPS_AT_ONCE = 32


@torch.no_grad()
def shares(place: Path, run: str, *, split: str) -> pl.DataFrame:
    """The share of each stream that passes at every action: columns kind, stream, share; kinds in order.

    `place` is a folder in which the graph has been run; ValueError if the run's fusion has no gates.
    """
    data = place / "data"
    network = checkpoints.load_trained(data / "runs" / run / "checkpoint", weights=data / "host").eval()
    if network.adapter is None:
        raise ValueError(f"run `{run}` has no motion adapter and so no gates")
    facts = facts_table.read(data / "tables" / "facts.parquet").filter(pl.col(Facts.split) == split)
    store = StreamStore(data / "streams" / "world")
    known = set(store.index["video_id"])
    ids = [clip for clip in facts[Facts.clip_id].unique().sort() if clip in known]
    clips = Clips(ids, Features.read(data / "features" / "features.safetensors"), store)
    found: list[dict[str, object]] = []
    for start in range(0, len(ids), CLIPS_AT_ONCE):
        rows = torch.arange(start, min(start + CLIPS_AT_ONCE, len(ids)))
        gates = network.adapter.gates(clips.batch(rows).tri)
        for number, clip in enumerate(ids[start : start + CLIPS_AT_ONCE]):
            for fact in facts.filter(pl.col(Facts.clip_id) == clip).iter_rows(named=True):
                for stream, gate in gates.items():
                    steps = gate[number, fact[Facts.interval]]
                    share = steps[fact[Facts.cell_from]] if len(steps) == NUM_CELLS else steps.mean()
                    found.append({"kind": fact[Facts.kind], "stream": stream, "share": float(share)})
    return pl.DataFrame(found).sort("kind", maintain_order=True)
