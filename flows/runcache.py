"""What DVC's cache holds of stages whose results are not here: made in another place, or before, from the same inputs.

DVC finds such results by the command, the values and the contents of what a stage reads, when it comes to run it. A
plan asks before anything runs: what a stage reads may be in the cache alone, so contents are passed on from above.
"""

from pathlib import Path
from typing import Any

from flows.graph import Graph


def kept(root: Path, found: Graph) -> set[str]:
    """The changed stages of `found` that DVC would fetch and not run, if it ran them in order now."""
    from dvc.repo import Repo

    if not found.changed:
        return set()
    fetched: set[str] = set()
    known: dict[str, Any] = {}  # by path, the contents of what the cache would bring back
    with Repo(str(root), _wait_for_lock=True) as repo:
        stages = {stage.addressing: stage for stage in repo.index.stages}
        lost: set[str] = set()
        for name, before in found.before.items():  # each after what it reads
            if before & lost:
                lost.add(name)
            elif name in found.changed or before & fetched:
                entry = _entry(repo, stages[name], known)
                if entry is None:
                    lost.add(name)
                else:
                    fetched.add(name)
                    known |= entry
    return fetched


def _entry(repo: Any, stage: Any, known: dict[str, Any]) -> dict[str, Any] | None:
    """The contents of this stage's results by path, if the cache has all of them; contents read stand in `known`."""
    from dvc.dependency.base import DependencyDoesNotExistError
    from dvc.stage.cache import _get_cache_hash
    from dvc.stage.serialize import to_single_stage_lockfile
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.meta import Meta

    for dep in stage.deps:
        if dep.def_path in known:
            dep.hash_info, dep.meta = HashInfo("md5", known[dep.def_path]), Meta()
            continue
        try:
            dep.save()
        except DependencyDoesNotExistError:
            return None
    if any(out.persist for out in stage.outs):
        return None  # what people add to is never fetched
    cache = repo.stage_cache
    key = _get_cache_hash(to_single_stage_lockfile(stage), key=True)
    for file in Path(cache.cache_dir, key[:2], key).glob("*"):
        entry = cache._load_cache(key, file.name)
        if entry and cache._create_stage(entry, wdir=stage.wdir).outs_cached():
            return {out["path"]: out["md5"] for out in entry["outs"]}
    return None
