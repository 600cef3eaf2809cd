"""Look at every file of a corpus: what it is, whether it can be read, and by which route its motion can be had."""

import json
import shutil
from pathlib import Path

import codecsense.schemas.audit as schema
from codecsense import workers
from codecsense.codecs.corpus import list_corpus
from codecsense.codecs.settings import AuditConfig
from codecsense.codecs.survey import distribute, gate, survey
from codecsense.scratch import folder


def audit(*, audit: AuditConfig, corpus: Path, table: Path, distribution: Path, scratch: Path) -> None:
    """Write a row per file to `table`, the count of codecs to `distribution`; stop if too much is unreadable."""
    listed = list_corpus(corpus)
    print(f"{corpus}: {len(listed.entries)} files, {listed.num_companions} companions left out")
    place = folder(scratch, "audit", settings=[audit], inputs=[corpus])
    frame = survey(listed, audit, scratch=place, num_workers=workers.available())
    schema.write(frame, table)
    lines = distribute(frame)
    distribution.parent.mkdir(parents=True, exist_ok=True)
    distribution.write_text(json.dumps(lines, indent=1))
    for line in lines:
        print(f"{line['codec']}: {line['videos']} videos, {line['hours']:.2f} h, native {line['native']}")
    shutil.rmtree(place)
    gate(frame, audit)
