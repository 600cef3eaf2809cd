"""The one hook through which motion and sound enter a host: rows of the embedding, replaced out of place.

`E' = (1 - P1) * sg(E) + P M` (HY-Himmel report, eq. 8) with the one-hot matrix P never built: `index_put` writes
the same numbers into one copy (`masked_scatter` needs two more, of counts). Features are set for one call and gone
after it, so that a stale batch never injects.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Injection:
    """Holds the features of the call in progress and puts them where their placeholder ids stand."""

    def __init__(self, embedding: nn.Module) -> None:
        self._features: list[tuple[int, Tensor]] = []
        self._placed: set[int] = set()
        embedding.register_forward_hook(self._replace)

    @contextmanager
    def of(self, features: Sequence[tuple[int, Tensor]]) -> Iterator[None]:
        """For the calls inside: `features` as pairs of a placeholder id and its rows, [batch, tokens, width].

        Features that no call inside had a place for are an error: a model that does not see them must not look as
        if it did.
        """
        if self._features:
            raise RuntimeError("an injection is already in progress")
        self._features = [(token, rows) for token, rows in features if rows.shape[1] > 0]
        self._placed = set()
        try:
            yield
            for token, rows in self._features:
                if token not in self._placed:
                    raise ValueError(f"placeholder {token}: no place for {rows.shape[1]} features")
        finally:
            self._features = []

    def _replace(self, module: nn.Module, inputs: tuple[Tensor, ...], embedded: Tensor) -> Tensor:
        ids = inputs[0]
        for token, rows in self._features:
            at = ids == token
            if not at.any():
                continue  # a decoding step: the placeholders were read with the prompt
            rows = _for_beams(rows, len(ids))
            counts = at.sum(1)
            if (counts != rows.shape[1]).any():
                found = sorted(set(counts.tolist()))
                raise ValueError(f"placeholder {token}: {found} places per sample for {rows.shape[1]} features")
            embedded = embedded.index_put(at.nonzero(as_tuple=True), rows.to(embedded).flatten(0, 1))
            self._placed.add(token)
        return embedded


def _for_beams(rows: Tensor, batch: int) -> Tensor:
    """One copy of a sample's features for each of its beams or sampled answers."""
    if batch % len(rows):
        raise ValueError(f"features of {len(rows)} samples do not divide among {batch} rows of text")
    return torch.repeat_interleave(rows, batch // len(rows), dim=0) if batch > len(rows) else rows
