"""Answers of made-up runs: each is right on every question below its own number."""

from collections.abc import Sequence

import polars as pl

CLIPS, PER_CLIP = 12, 5
KINDS = [("hidden", "way"), ("hidden", "kind"), ("static", "colour")]


def answered(run: str, right: float, *, mode: str = "direct", seed: int = 0, tokens: int = 120) -> pl.DataFrame:
    """One frame; questions are spread over clips, and another seed is right on others."""
    rows = []
    for clip in range(CLIPS):
        for number in range(PER_CLIP):
            for type_, kind in KINDS:
                place = ((clip * PER_CLIP + number) * 7 + 11 * seed) % (CLIPS * PER_CLIP)
                rows.append(
                    {
                        "run": run,
                        "mode": mode,
                        "question_id": f"{clip:02d}-{type_}-{kind}-{number}",
                        "clip_id": f"clip_{clip:02d}",
                        "type": type_,
                        "kind": kind,
                        "gold": "left",
                        "response": "left",
                        "predicted": "left",
                        "correct": place < round(right * CLIPS * PER_CLIP),
                        "context_tokens": tokens,
                    }
                )
    return pl.DataFrame(rows)


def seeded(run: str, rights: Sequence[float], **changes: str) -> list[pl.DataFrame]:
    """A frame per seed."""
    return [answered(run, right, seed=seed, **changes) for seed, right in enumerate(rights)]
