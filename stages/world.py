"""Make the micro world: its clips as files, and what is true of them as tables."""

from pathlib import Path

import polars as pl

from codecsense.schemas import facts as facts_table
from codecsense.schemas import sounds as sounds_table
from codecsense.scratch import finish, folder
from codecsense.world import WorldConfig, corpus, script


def world(*, world: WorldConfig, clips: Path, facts: Path, sounds: Path, scratch: Path) -> None:
    """Render the clips (a killed run goes on where it was) and write the tables of facts and sounds."""
    scripts = script.scripts(world)
    work = folder(scratch, "world", settings=[world], inputs=[])
    corpus.film(scripts, world, work)
    facts_table.write(pl.DataFrame([row for each in scripts for row in script.facts(each)]), facts)
    sounds_table.write(pl.DataFrame([row for each in scripts for row in script.sounds(each)]), sounds)
    finish(work, clips)
    size_mb = sum(file.stat().st_size for file in clips.iterdir()) / 1e6
    print(f"world: {len(scripts)} clips, {size_mb:.0f} MB in {clips}")
