"""A fuzz campaign: hundreds of damaged and unusual files through the same workers as any corpus.

    python speed/fuzz.py [--count 500] [--seed 0] [--keep FOLDER]

Promised: no crash, no hang, no silent skip: each file ends in the index or in the rejects with its reason.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import settings

from codecsense.codecs.corpus import list_corpus
from codecsense.codecs.damage import damaged, unusual
from codecsense.codecs.survey import survey
from codecsense.schemas import rejects as rejects_table
from codecsense.schemas import streams as index_table
from codecsense.streams.cutting import cut
from codecsense.streams.extraction import extract_corpus, gather, work_of
from codecsense.workers import available

CLIPS = Path(__file__).parents[1] / "tests/clips"
LIMIT_S = 60.0


def main() -> None:
    """Damage, audit, extract, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=None)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = chosen.keep or Path(folder)
        corpus, scratch = place / "corpus", place / "scratch"
        for each in (corpus, scratch / "audit", scratch / "extract"):
            each.mkdir(parents=True, exist_ok=True)
        sources = [clip for clip in sorted(CLIPS.iterdir()) if clip.suffix != ".md"]
        files = [*damaged(sources, corpus, count=chosen.count, seed=chosen.seed), *unusual(corpus)]
        sys.exit(campaign(corpus, scratch, place / "store", {path.name for path in files}))


def campaign(corpus: Path, scratch: Path, store: Path, files: set[str]) -> bool:
    """Run it; whether any file was lost or ended a worker."""
    audit = settings.audit().model_copy(update={"limit_s_per_file": LIMIT_S})
    config = settings.shipped(videos_per_shard=40, max_picture_pixels=20_000, limit_s_per_video=LIMIT_S)
    audited = survey(list_corpus(corpus), audit, scratch=scratch / "audit", num_workers=available())
    work = work_of(audited)
    shards = cut(work.items, config)
    extract_corpus(shards, config, root=corpus, scratch=scratch / "extract", num_workers=available())
    gather(shards, work.rejects, scratch=scratch / "extract", store=store)
    index, rejects = index_table.read(store / "index.parquet"), rejects_table.read(store / "rejects.parquet")
    ended = {*index["path"], *rejects["path"]}
    crashes = rejects.filter(rejects["reason"].str.contains("^(the decoder|our mistake)"))
    print(f"{len(files)} files: {index.height} extracted, {rejects.height} rejected, {len(files - ended)} lost")
    for (stage, reason), count in Counter(rejects.select("stage", "reason").iter_rows()).most_common():
        print(f"{count:4d}  {stage}: {reason}")
    for row in crashes.iter_rows(named=True):
        print(f"a crash, a hang or a mistake of ours: {row['path']}: {row['reason']}")
    return bool(files - ended) or crashes.height > 0


if __name__ == "__main__":
    main()
