"""What is looked at before the first step, so that no process meets bad media within a step while the others wait.

Every process looks at all clips and comes to the same verdict. Clips without motion stay: the adapter runs on
them as on any other, its maps hidden by their mask, so every process exchanges the same gradients.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from codecsense.clips import Clips
from codecsense.texts import ClipTexts, Menu

AT_A_TIME = 256


def inspect(clips: Clips, *, label: str) -> None:
    """Stop at numbers that are not finite, with the clip's name; say how many clips show no motion at all."""
    if not len(clips):
        raise ValueError(f"{label}: there is no clip to learn from; look at the rejects of stage extract")
    sound = torch.cat([_sound(clips, rows) for rows in torch.arange(len(clips)).split(AT_A_TIME)])
    if not sound.all():
        broken = [clips.ids[row] for row in torch.nonzero(~sound).flatten().tolist()]
        raise ValueError(
            f"{label}: {len(broken)} of {len(clips)} clips have features or maps that are not finite, first: "
            f"{broken[0]}; run dvc repro extract features again, or leave them out of the corpus"
        )
    without = int((~clips.mask.flatten(1).any(1)).sum())
    if without:
        print(
            f"{label}: {without} of {len(clips)} clips have no motion; they are learned from all the same", flush=True
        )


def _sound(clips: Clips, rows: Int[Tensor, " some"]) -> Bool[Tensor, " some"]:
    arrays = [array for array in (clips.tower, clips.deep, clips.sound, clips.mv, clips.residual) if array is not None]
    return torch.stack([array[rows].flatten(1).isfinite().all(1) for array in arrays]).all(0)


def askable(texts: Sequence[ClipTexts], menu: Menu, *, label: str) -> Int[Tensor, " rows"]:
    """The rows of the clips that have something on the menu; how many have not is said."""
    rows = [row for row, clip in enumerate(texts) if _offers(clip, menu)]
    if not rows:
        raise ValueError(
            f"{label}: none of {len(texts)} clips has a question or caption of the kinds that are asked for"
        )
    if len(rows) < len(texts):
        left = len(texts) - len(rows)
        print(f"{label}: {left} of {len(texts)} clips have nothing that is asked for and are left out", flush=True)
    return torch.tensor(rows)


def _offers(clip: ClipTexts, menu: Menu) -> bool:
    questions = any(
        count and any(own.type == type_ for own in clip.questions) for type_, count in menu.questions.items()
    )
    captions = any(count and clip.captions[modality] for modality, count in menu.captions.items())
    return bool(questions or captions or (menu.reasoned and clip.reasoned))
