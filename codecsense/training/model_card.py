"""The model card of a checkpoint: what it is, how it is loaded, what it was made of, in the hub's form."""

from typing import Any

import yaml

from codecsense.model import Model

BODY = """---
{front}---

# CodecSense on {base}

{what}

* senses beside pictures: {senses}
* a clip costs {tokens} tokens before the first word of a question{of_which}
* made by: {made}

## Loading

```python
from pathlib import Path

from codecsense.training.checkpoints import load_trained

model = load_trained(Path("this/folder"){weights})
with model.host.untouched() as plain:  # the host as it came, for pictures and text alone
    ...
```

`codecsense ask VIDEO QUESTION --checkpoint this/folder` asks it about a video file of any codec.

## Files

* `senses.safetensors`: weights of the motion adapter and of the audio connector
* `model.json`: every value and size that they were built with
{files}
## Limits

Trained on the data of its own run and measured there alone; see the report of that run before use. Motion is what the
encoder of the file wrote down: a re-encoded copy of a video may be answered differently.
"""


def card(
    settings: Model, *, context_tokens: int, motion_tokens: int, audio_tokens: int, notes: dict[str, Any], whole: bool
) -> str:
    """The card's text; the token counts are those of one clip."""
    tiny = settings.host.weights == "tiny"
    base = f"a tiny {settings.host.name}" if tiny else settings.host.weights
    front: dict[str, Any] = {"library_name": "transformers" if whole else "peft", "pipeline_tag": "video-text-to-text"}
    front |= {} if tiny else {"base_model": settings.host.weights}
    front |= {"tags": ["codecsense", "motion-vectors", "video", *(["audio"] if audio_tokens else [])]}
    kept = "its own weights, with all that was learned, are in this folder" if whole else "its own weights are not here"
    lora = "* `lora/NAME/`: one PEFT adapter each, on the language model alone\n"
    plain = "* the other files: the host in the hub's form, which loads with transformers alone\n"
    streams = [f"{', '.join(settings.adapter.streams)} from the codec"] if motion_tokens else []
    return BODY.format(
        front=yaml.safe_dump(front, sort_keys=False),
        base=base,
        what=f"A {settings.host.name} that reads motion from the codec and sound beside pictures; {kept}.",
        senses="; ".join(streams + (["sound"] if audio_tokens else [])) or "none",
        tokens=context_tokens,
        of_which=f", {motion_tokens} of them motion and {audio_tokens} sound",
        made=", ".join(f"{name} {value}" for name, value in notes.items()) or "nobody said",
        weights=', weights=Path("data/host")' if tiny and not whole else "",
        files=plain if whole else lora,
    )
