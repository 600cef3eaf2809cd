"""The audit of a whole corpus: batches of files in worker processes, parts on disk, one table at the end.

Rows are columns of a table as soon as their part is read: as Python objects they would take twenty times the memory.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from codecsense import workers
from codecsense.codecs.audit import NO_HASH, audit_file
from codecsense.codecs.corpus import Corpus, Entry
from codecsense.codecs.settings import AuditConfig
from codecsense.progress import track
from codecsense.schemas import audit, from_rows


class Batch(NamedTuple):
    """A unit of work: some files of the corpus, and the name of the part that their rows go to."""

    part: str
    entries: tuple[Entry, ...]


def survey(corpus: Corpus, settings: AuditConfig, *, scratch: Path, num_workers: int) -> pl.DataFrame:
    """One row per file, in order of path; parts that an earlier, killed run finished are not made again."""
    size = settings.files_per_batch
    groups = [tuple(corpus.entries[start : start + size]) for start in range(0, len(corpus.entries), size)]
    batches = [Batch(f"{number:06d}.json", group) for number, group in enumerate(groups)]
    missing = [batch for batch in batches if not (scratch / batch.part).is_file()]
    work = partial(audit_batch, root=corpus.root, settings=settings, folder=scratch)
    running = workers.run_units(missing, work, num_workers=num_workers, limit_s=settings.limit_s_per_file)
    total, left = len(corpus.entries), sum(len(batch.entries) for batch in missing)
    for _ in track(_files(running), label="files", total=total, done=total - left):
        pass
    parts = [from_rows(audit.Audit, json.loads((scratch / batch.part).read_text())) for batch in batches]
    return _with_duplicates(pl.concat(parts))


def audit_batch(
    batch: Batch, blamed: workers.Blamed, at: workers.At, *, root: Path, settings: AuditConfig, folder: Path
) -> int:
    """Write the rows of one batch; the number of files."""
    rows = []
    for entry in batch.entries:
        at(entry.video_id)
        rows.append(audit_file(root, entry, settings, blamed=blamed.get(entry.video_id)))
    unfinished = folder / f".{batch.part}.unfinished"
    unfinished.write_text(json.dumps(rows))
    unfinished.replace(folder / batch.part)
    return len(rows)


def _files(running: Iterator[tuple[Batch, int]]) -> Iterator[Entry]:
    for batch, _ in running:
        yield from batch.entries


def _with_duplicates(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill in `duplicate_of`: the first file, in order of path, with the same bytes."""
    first = pl.col(audit.Audit.video_id).first().over(audit.Audit.content_hash)
    repeats = (pl.col(audit.Audit.content_hash) != NO_HASH) & (first != pl.col(audit.Audit.video_id))
    return frame.with_columns(pl.when(repeats).then(first).otherwise(pl.lit("")).alias(audit.Audit.duplicate_of))


REPORTED = {"h264": 178_501, "vp9": 1_344, "vp6f": 378, "mpeg4": 254, "av1": 3}  # HY-Himmel's corpus, appendix M
NUM_REPORTED = sum(REPORTED.values())


def distribute(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Videos, hours, share and route of each codec, the most frequent first; unreadable files are one line."""
    table = audit.Audit
    kind = pl.when(pl.col(table.readable)).then(pl.col(table.codec)).otherwise(pl.lit("unreadable"))
    counted = (
        frame.with_columns(kind.alias(table.codec))
        .group_by(table.codec)
        .agg(
            pl.len().alias("videos"),
            (pl.col(table.duration_s).sum() / 3600).alias("hours"),
            *((pl.col(table.route) == route).sum().alias(route) for route in audit.ROUTES),
        )
    )
    shared = counted.with_columns((pl.col("videos") / frame.height).alias("share"))
    lines = shared.sort(["videos", table.codec], descending=[True, False]).to_dicts()
    return [line | {"reported_share": REPORTED.get(line["codec"], 0) / NUM_REPORTED} for line in lines]


def gate(frame: pl.DataFrame, settings: AuditConfig) -> None:
    """ValueError if more files are unreadable than the settings allow."""
    bad = frame.filter(~pl.col(audit.Audit.readable))
    share = bad.height / frame.height
    if share > settings.max_unreadable_share:
        worst = bad.group_by(audit.Audit.reason).len().sort("len", descending=True).row(0)
        raise ValueError(
            f"{bad.height} of {frame.height} files are unreadable ({share:.1%}), "
            f"allowed are {settings.max_unreadable_share:.1%}; the commonest reason, {worst[1]} times: {worst[0]}. "
            "Remove them, or raise audit.max_unreadable_share in params.yaml"
        )
