"""A corpus into shards: the unit of work, and the run over all of them that can be killed at any time.

A shard is done once its list of rows stands beside it; whatever else a killed run left behind is made anew.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import polars as pl

from codecsense import workers
from codecsense.codecs import Backend
from codecsense.codecs.audit import audit_file
from codecsense.codecs.container import UnreadableError, mistake
from codecsense.codecs.corpus import Entry, inside
from codecsense.codecs.settings import AuditConfig
from codecsense.progress import track
from codecsense.schemas import audit, from_rows, rejects, streams
from codecsense.streams.cutting import Item, Shard
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.shards import ShardWriter
from codecsense.streams.store import INDEX, REJECTS
from codecsense.streams.tristream import Extracted, extract_video, grid_of

NOTES = ".json"


class Notes(NamedTuple):
    """Rows of the two tables that one shard adds."""

    extracted: list[dict[str, object]]
    rejects: list[dict[str, object]]


class WorkOf(NamedTuple):
    """What an audit leaves to do, and what it rejected."""

    items: list[Item]
    rejects: list[dict[str, object]]


def work_of(frame: pl.DataFrame) -> WorkOf:
    """The readable videos of an audit, in its order, and a reject for every other file."""
    table = audit.Audit
    items = [item_of(row) for row in frame.filter(pl.col(table.readable)).iter_rows(named=True)]
    bad = frame.filter(~pl.col(table.readable)).select(table.video_id, table.path, table.reason)
    return WorkOf(items, [{**row, "stage": "audit"} for row in bad.iter_rows(named=True)])


def item_of(row: Mapping[str, Any]) -> Item:
    """What extraction needs of a row of the audit."""
    table = audit.Audit
    columns = (table.video_id, table.path, table.content_hash, table.route, table.rotation_deg)
    return Item(*(row[column] for column in columns))


def extract_corpus(
    shards: list[Shard], settings: ExtractConfig, *, root: Path, scratch: Path, num_workers: int
) -> None:
    """Make every shard that `scratch` does not hold yet."""
    settings.codec.require()
    missing = [shard for shard in shards if not _notes_file(scratch, shard).is_file()]
    work = partial(make_shard, settings=settings, root=root, folder=scratch)
    running = workers.run_units(missing, work, num_workers=num_workers, limit_s=settings.limit_s_per_video)
    sizes = {shard.name: len(shard.items) for shard in shards}
    total = sum(sizes.values())
    done = total - sum(len(shard.items) for shard in missing)
    for _ in track(_one_by_one(running), label="videos", total=total, done=done):
        pass


def _one_by_one(running: Iterator[tuple[Shard, int]]) -> Iterator[Item]:
    for shard, _ in running:
        yield from shard.items


def make_shard(
    shard: Shard, blamed: workers.Blamed, at: workers.At, *, settings: ExtractConfig, root: Path, folder: Path
) -> int:
    """Write one shard and its notes into `folder`; the number of videos that gave streams."""
    cv2.setNumThreads(1)
    notes = Notes([], [])
    writer = ShardWriter(folder / shard.name, [item.video_id for item in shard.items])
    for item in shard.items:
        at(item.video_id)
        extracted = _outcome(item, blamed, settings, root)
        if isinstance(extracted, str):
            found: dict[str, object] = {
                "video_id": item.video_id,
                "path": item.path,
                "stage": "extract",
                "reason": extracted,
            }
            notes.rejects.append(found)
            continue
        writer.add(item.video_id, extracted.streams)
        notes.extracted.append(_row(item, shard, extracted))
    writer.finish()
    _write_notes(_notes_file(folder, shard), notes)
    return len(notes.extracted)


def _outcome(item: Item, blamed: workers.Blamed, settings: ExtractConfig, root: Path) -> Extracted | str:
    """The streams of one video, or why there are none."""
    if item.video_id in blamed:
        return blamed[item.video_id]
    try:
        path = inside(root, item.path)
        return extract_video(path, settings, backend_for(settings, item), item.rotation_deg)
    except UnreadableError as error:
        return str(error)
    except Exception as error:
        return mistake(error)


def backend_for(settings: ExtractConfig, item: Item) -> Backend:
    """The backend that suits the route and the rotation of one video."""
    grid = grid_of(settings, item.rotation_deg)
    return settings.codec.build(grid=grid, residual=settings.residual, route=item.route)


def extract_one(video: Path, audit_settings: AuditConfig, settings: ExtractConfig) -> Extracted:
    """The streams of a single file by the route that its audit finds; ValueError with the reason if there are none."""
    settings.codec.require()
    row = audit_file(video.parent, Entry(video.stem, video.name), audit_settings)
    if not row["readable"]:
        raise UnreadableError(f"{video}: {row['reason']}")
    item = item_of(row)
    return extract_video(video, settings, backend_for(settings, item), item.rotation_deg)


def _row(item: Item, shard: Shard, extracted: Extracted) -> dict[str, object]:
    arrays = extracted.streams
    return {
        "video_id": item.video_id,
        "path": item.path,
        "shard": shard.name,
        "content_hash": item.content_hash,
        "num_anchors": len(arrays.anchors),
        "num_intervals": len(arrays.mv),
        "num_maps": int(arrays.map_mask.sum()),
        "picture_height": arrays.anchors.shape[1],
        "picture_width": arrays.anchors.shape[2],
        "coded_height": extracted.height,
        "coded_width": extracted.width,
        "num_frames": extracted.num_frames,
        "num_decoded": extracted.num_decoded,
        "duration_s": extracted.duration_s,
        "codec": extracted.codec,
        "motion_source": extracted.motion_source,
        "has_audio": extracted.has_audio,
    }


def _notes_file(folder: Path, shard: Shard) -> Path:
    return folder / (shard.name + NOTES)


def _write_notes(path: Path, notes: Notes) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(notes._asdict()))
    unfinished.replace(path)


def gather(shards: list[Shard], audit_rejects: list[dict[str, object]], *, scratch: Path, store: Path) -> Notes:
    """Move finished shards to `store` and write its index and rejects table beside them."""
    found = Notes([], list(audit_rejects))
    store.mkdir(parents=True, exist_ok=True)
    for stale in {*store.glob("*.safetensors")} - {store / shard.name for shard in shards}:
        stale.unlink()
    for shard in shards:
        notes = json.loads(_notes_file(scratch, shard).read_text())
        found.extracted.extend(notes["extracted"])
        found.rejects.extend(notes["rejects"])
        if notes["extracted"]:
            _link(scratch / shard.name, store / shard.name)
    streams.write(from_rows(streams.Streams, found.extracted), store / INDEX)
    rejects.write(from_rows(rejects.Rejects, found.rejects), store / REJECTS)
    return found


def _link(made: Path, wanted: Path) -> None:
    """A second name for a finished shard, so that a run killed while gathering has lost nothing."""
    wanted.unlink(missing_ok=True)
    try:
        wanted.hardlink_to(made)
    except OSError:
        shutil.copyfile(made, wanted)
