"""Query-aware top-n in the manner of QTSplus [1]: the visual tokens that the question asks for, and no others.

QTSplus learns the cross-attention that scores tokens and how many to keep. Untrained, the score of a visual token is
its best cosine with the embedding of a word of the question, and `share` says how many are kept: words and pictures
share the host's space.

References:
    [1] Query-aware Token Selector (QTSplus), scoring, budget, and hard selection of the top n.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from codecsense.baselines import Rival, Shown, Tally, View, kept, laid_out, seen_by
from codecsense.hosts import Host
from codecsense.model import CodecSense


class Settings(Rival):
    """Which share of the visual tokens is kept."""

    fires: ClassVar[str] = "tokens dropped"
    reads_questions: ClassVar[bool] = True
    name: Literal["qtsplus"]
    share: float

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """For each question all pictures, less what it does not ask for."""
        seen = seen_by(model.host, view.pictures)
        shown = laid_out(model.host, seen)
        tokens = seen.flatten(0, 1)[:, : model.host.width]
        words = [embedded(model.host, question) for question in questions]
        wanted = torch.stack([relevance(tokens, word) for word in words])
        chosen = most_relevant(wanted, self.share)
        tally["tokens dropped"] += (tokens.shape[0] - chosen.shape[1]) * len(questions)
        return kept(shown, chosen)


@torch.no_grad()
def embedded(host: Host, question: Sequence[int]) -> Float[Tensor, "words width"]:
    """The host's embeddings of a question's words."""
    table = cast(nn.Embedding, host.bare.get_input_embeddings())
    return table(torch.tensor(question, device=table.weight.device)).cpu().float()


def relevance(tokens: Float[Tensor, "visual width"], words: Float[Tensor, "words width"]) -> Float[Tensor, " visual"]:
    """The best cosine of each visual token with a word."""
    towards = torch.nn.functional.normalize(words, dim=-1)
    return (torch.nn.functional.normalize(tokens, dim=-1) @ towards.T).amax(-1)


def most_relevant(wanted: Float[Tensor, "rows visual"], share: float) -> Int[Tensor, "rows kept"]:
    """Indices of the most relevant `share` of the tokens, sorted; at least one."""
    if not 0 < share <= 1:
        raise ValueError(f"`share: {share}` of the visual tokens; needs to be above 0 and at most 1")
    count = max(1, round(share * wanted.shape[1]))
    return wanted.topk(count, dim=1).indices.sort(dim=1).values
