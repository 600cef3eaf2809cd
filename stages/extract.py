"""Read the streams of every readable video of a corpus into shards."""

import shutil
from pathlib import Path

from codecsense import workers
from codecsense.codecs.corpus import list_corpus
from codecsense.schemas import audit as table
from codecsense.scratch import folder
from codecsense.streams.cutting import cut
from codecsense.streams.extraction import extract_corpus, gather, work_of
from codecsense.streams.settings import ExtractConfig


def extract(*, extract: ExtractConfig, corpus: Path, audited: Path, streams: Path, scratch: Path) -> None:
    """Write the shards, their index and the rejects of `corpus` to `streams`; `audited` is its audit."""
    root = list_corpus(corpus).root
    work = work_of(table.read(audited))
    shards = cut(work.items, extract)
    print(f"{len(work.items)} videos in {len(shards)} shards, {len(work.rejects)} rejected by the audit")
    place = folder(scratch, "extract", settings=[extract], inputs=[corpus, audited])
    extract_corpus(shards, extract, root=root, scratch=place, num_workers=workers.available())
    notes = gather(shards, work.rejects, scratch=place, store=streams)
    print(f"{len(notes.extracted)} videos extracted, {len(notes.rejects)} rejected")
    if not notes.extracted:
        raise ValueError(f"no video of {corpus} gave streams; {streams / 'rejects.parquet'} says why")
    shutil.rmtree(place)
