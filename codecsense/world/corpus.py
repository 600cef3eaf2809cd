"""All clips of the micro world as files, rendered side by side; a clip that is already there is kept.

A clip is a function of its script alone, so neither the number of workers nor a kill in between changes a byte.
"""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from codecsense.progress import track
from codecsense.world import WorldConfig, encode, render, sound
from codecsense.world.script import Script

CLIPS_PER_TASK = 8


def film(scripts: list[Script], world: WorldConfig, folder: Path) -> None:
    """Render and encode every clip that `folder` lacks, as `<clip_id>.mp4`."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {file.stem for file in folder.glob("*.mp4")}
    wanted = [script for script in scripts if script.clip_id not in there]
    done = len(scripts) - len(wanted)
    for _ in track(_shoot_all(wanted, world, folder), label="world", total=len(scripts), done=done):
        pass


def _shoot_all(scripts: list[Script], world: WorldConfig, folder: Path) -> Iterator[None]:
    work = partial(shoot, world=world, folder=folder)
    if world.workers == 1 or len(scripts) <= CLIPS_PER_TASK:
        yield from map(work, scripts)
        return
    # "spawn": a forked child would inherit the codec's threads and locks in whatever state they are.
    with ProcessPoolExecutor(world.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, scripts, chunksize=CLIPS_PER_TASK)


def shoot(script: Script, *, world: WorldConfig, folder: Path) -> None:
    """Render and encode one clip."""
    pictures = render.frames(script, world)
    encode.encode(pictures, sound.wave(script, world), world=world, path=folder / f"{script.clip_id}.mp4")
