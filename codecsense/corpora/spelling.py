"""Conversations as most of the field spells them: a list of turns and lists of media, under names that vary.

LLaVA-Video, LLaMA-Factory and ms-swift differ in names and in small habits, so one reader and one writer serve
all three. A placeholder stands in the text for each medium. Two habits are made explicit here and written back as
they were: LLaVA-Video calls a video `<image>`, and media may stand without a placeholder before the first question.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from codecsense.corpora import PLACEHOLDERS, Medium, Sample, Turn
from codecsense.corpora.paths import checked

ANY = re.compile("<(image|video|audio)>")
TURN_FIELDS = "turn_fields"  # in `extra`: what turns hold beside role and text


class Spelling(NamedTuple):
    """The names that a format has for things."""

    format: str
    turns: str
    role: str
    text: str
    roles: Mapping[str, str]  # as the format spells them -> ours; the first of each of ours is the one that is written
    media: Mapping[str, str]  # our kinds -> the format's fields
    lists: bool  # whether a single medium is written as a list
    sample_id: str
    system: str = ""  # a field with the system prompt, where there is one beside the turns
    image_for_video: bool = False  # whether `<image>` may stand for a video


def read_record(record: Mapping[str, Any], spelling: Spelling) -> Sample:
    """A record of this format; ValueError with field and reason where it is none."""
    rest = dict(record)
    layout: dict[str, Any] = {"format": spelling.format}
    sample_id = _read_id(rest, spelling, layout)
    turns = _read_turns(rest, spelling, layout)
    media = _read_media(rest, spelling, layout)
    turns = [*_read_system(rest, spelling, layout), *turns]
    turns = _read_placeholders(turns, media, spelling, layout)
    return Sample(sample_id, tuple(turns), tuple(_in_order(turns, media)), rest, layout)


def write_record(sample: Sample, spelling: Spelling) -> dict[str, Any]:
    """The record of a sample in this format; one that came from it is spelled as it was."""
    layout = sample.layout if sample.layout.get("format") == spelling.format else {}
    turns, extra = list(sample.turns), dict(sample.extra)
    _expect_places(turns, sample.media)
    _expect_no_clash(sample, spelling)
    others = _turn_fields(extra.pop(TURN_FIELDS, [{} for _ in turns]), turns, spelling)
    record: dict[str, Any] = {}
    if "id" in layout:
        record |= layout["id"]
    elif sample.sample_id:
        record[spelling.sample_id] = sample.sample_id
    if layout.get("system"):
        record[spelling.system] = turns.pop(0).text
        others = others[1:]
    record[spelling.turns] = _write_turns(turns, others, spelling, layout)
    for kind, field in spelling.media.items():
        paths = [checked(medium.path) for medium in sample.media if medium.kind == kind]
        if paths:
            bare = len(paths) == 1 and layout.get("bare", {}).get(kind, not spelling.lists)
            record[field] = paths[0] if bare else paths
    return record | layout.get("blank", {}) | extra


def _read_id(rest: dict[str, Any], spelling: Spelling, layout: dict[str, Any]) -> str:
    """The id as text; one that was spelled otherwise, or missing, is written back as it was."""
    if spelling.sample_id not in rest:
        return ""
    given = rest.pop(spelling.sample_id)
    if not isinstance(given, str) or not given:
        layout["id"] = {spelling.sample_id: given}
    return given if isinstance(given, str) else str(given)


def _read_turns(rest: dict[str, Any], spelling: Spelling, layout: dict[str, Any]) -> list[Turn]:
    given = rest.pop(spelling.turns, None)
    if not isinstance(given, list) or not given:
        raise ValueError(f"field {spelling.turns!r} must be a list of turns")
    turns, others, roles = [], [], []
    for number, turn in enumerate(given):
        if not isinstance(turn, dict) or not isinstance(turn.get(spelling.text), str):
            raise ValueError(f"turn {number} must hold a text under {spelling.text!r}")
        role = turn.get(spelling.role)
        if not isinstance(role, str) or role not in spelling.roles:
            raise ValueError(f"turn {number}: {spelling.role!r} is {role!r}, not one of {', '.join(spelling.roles)}")
        turns.append(Turn(spelling.roles[role], turn[spelling.text]))
        roles.append(role)
        others.append({key: value for key, value in turn.items() if key not in (spelling.role, spelling.text)})
    if any(others):
        if TURN_FIELDS in rest:
            raise ValueError(f"turns have fields of their own, and so has the record, under {TURN_FIELDS!r}")
        rest[TURN_FIELDS] = others
    if roles != [_spelled(turn.role, spelling) for turn in turns]:
        layout["roles"] = roles
    return turns


def _read_system(rest: dict[str, Any], spelling: Spelling, layout: dict[str, Any]) -> list[Turn]:
    """The system prompt that stands beside the turns, as a turn."""
    if not spelling.system or spelling.system not in rest:
        return []
    given = rest.pop(spelling.system)
    if given is None or given == "":
        layout.setdefault("blank", {})[spelling.system] = given
        return []
    if not isinstance(given, str):
        raise ValueError(f"field {spelling.system!r} must be text, found {type(given).__name__}")
    layout["system"] = True
    if TURN_FIELDS in rest:
        rest[TURN_FIELDS] = [{}, *rest[TURN_FIELDS]]
    return [Turn("system", given)]


def _read_media(rest: dict[str, Any], spelling: Spelling, layout: dict[str, Any]) -> dict[str, list[str]]:
    """Paths by kind, in the order of the record."""
    media: dict[str, list[str]] = {}
    for kind, field in spelling.media.items():
        if field not in rest:
            continue
        given = rest.pop(field)
        if given is None or given in ("", []):
            layout.setdefault("blank", {})[field] = given
            continue
        media[kind] = [checked(path) for path in (given if isinstance(given, list) else [given])]
        if isinstance(given, list) == (not spelling.lists) and len(media[kind]) == 1:
            layout.setdefault("bare", {})[kind] = not isinstance(given, list)
    return media


def _read_placeholders(
    turns: list[Turn], media: Mapping[str, list[str]], spelling: Spelling, layout: dict[str, Any]
) -> list[Turn]:
    """Turns with a placeholder for each medium."""
    only_video = "video" in media and "image" not in media
    if spelling.image_for_video and only_video and _count(turns, "image") and not _count(turns, "video"):
        layout["image_for_video"] = True
        turns = [Turn(turn.role, turn.text.replace("<image>", "<video>")) for turn in turns]
    missing = [kind for kind in PLACEHOLDERS if media.get(kind) and not _count(turns, kind)]
    first = next((number for number, turn in enumerate(turns) if turn.role == "user"), None)
    if missing and first is not None:
        lead = "".join(PLACEHOLDERS[kind] * len(media[kind]) for kind in missing)
        layout["lead"] = len(lead)
        turns = [*turns[:first], Turn("user", lead + turns[first].text), *turns[first + 1 :]]
    for kind in PLACEHOLDERS:
        if _count(turns, kind) != len(media.get(kind, [])):
            told = f"{_count(turns, kind)} placeholders {PLACEHOLDERS[kind]} for {len(media.get(kind, []))} files"
            raise ValueError(f"{told}: each needs its own")
    return turns


def _write_turns(
    turns: list[Turn], others: list[dict[str, Any]], spelling: Spelling, layout: Mapping[str, Any]
) -> list[dict[str, Any]]:
    if "lead" in layout:
        first = next(number for number, turn in enumerate(turns) if turn.role == "user")
        turns[first] = Turn("user", turns[first].text[layout["lead"] :])
    if layout.get("image_for_video"):
        turns = [Turn(turn.role, turn.text.replace("<video>", "<image>")) for turn in turns]
    roles = layout.get("roles", [_spelled(turn.role, spelling) for turn in turns])
    return [
        {spelling.role: role, spelling.text: turn.text} | other
        for role, turn, other in zip(roles, turns, others, strict=True)
    ]


def _turn_fields(given: Any, turns: list[Turn], spelling: Spelling) -> list[dict[str, Any]]:
    """What stands in each turn beside role and text."""
    if not isinstance(given, list) or len(given) != len(turns) or not all(isinstance(each, dict) for each in given):
        raise ValueError(f"the extra field {TURN_FIELDS!r} must hold one object for each of the {len(turns)} turns")
    if any({spelling.role, spelling.text} & set(each) for each in given):
        raise ValueError(f"a turn has a field that {spelling.format} uses for role or text")
    return given


def _expect_no_clash(sample: Sample, spelling: Spelling) -> None:
    """An extra field must not become, in this format, something that is read as a medium, a turn or an id."""
    own = {spelling.turns, spelling.sample_id, spelling.system, *spelling.media.values()}
    clash = own & set(sample.extra)
    if clash:
        raise ValueError(f"the extra field {min(clash)!r} has a meaning of its own in {spelling.format}")
    unheld = {medium.kind for medium in sample.media} - set(spelling.media)
    if unheld:
        raise ValueError(f"{spelling.format} has no field for {', '.join(sorted(unheld))}")


def _spelled(role: str, spelling: Spelling) -> str:
    found = next((theirs for theirs, ours in spelling.roles.items() if ours == role), None)
    if found is None:
        raise ValueError(f"{spelling.format} has no role for a turn of {role!r}")
    return found


def _count(turns: list[Turn], kind: str) -> int:
    return sum(turn.text.count(PLACEHOLDERS[kind]) for turn in turns)


def _in_order(turns: list[Turn], media: Mapping[str, list[str]]) -> list[Medium]:
    """Media in the order in which the texts speak of them."""
    left = {kind: iter(paths) for kind, paths in media.items()}
    return [Medium(kind, next(left[kind])) for turn in turns for kind in ANY.findall(turn.text)]


def _expect_places(turns: list[Turn], media: tuple[Medium, ...]) -> None:
    spoken = [kind for turn in turns for kind in ANY.findall(turn.text)]
    if spoken != [medium.kind for medium in media]:
        raise ValueError(f"the texts speak of {spoken}, and there are {[medium.kind for medium in media]}")
