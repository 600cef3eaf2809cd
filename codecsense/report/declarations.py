"""What a reader must know before believing a number: `declared.md`, cut into its lists.

The page prints them, and `make readme` copies them into README.md, so that the two cannot say different things.
"""

import re
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("declared.md")


class Declaration(NamedTuple):
    """A titled list of statements, each complete in itself."""

    title: str
    lead: str
    statements: list[str]


def declarations() -> list[Declaration]:
    """The lists of `declared.md` in their order, every paragraph and statement on one line."""
    found = []
    for part in SOURCE.read_text(encoding="utf-8").split("## ")[1:]:
        title, lead, *rest = part.split("\n\n", maxsplit=2)
        statements = re.split(r"^- ", "".join(rest), flags=re.MULTILINE)[1:]
        found.append(Declaration(title, _unwrapped(lead), [_unwrapped(statement) for statement in statements]))
    return found


def _unwrapped(text: str) -> str:
    return " ".join(text.split())
