"""`python -m flows.review [--reviewer NAME] [--reviews FOLDER] [--form]`: a person looks at what teachers wrote.

Batches wait in FOLDER until every item has a verdict (`think.reviewer: {name: people}`); the remarks enter the system
prompt of the next attempt when `dvc repro think` runs again. Items are asked in the terminal, or with --form laid
out in the Prefect UI, where the run pauses on a form (PREFECT_API_URL must be set). Every answer is kept at once.
"""

import argparse
import getpass
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from codecsense.think import review
from codecsense.think.review import Item, Verdict

REVIEWS = Path("data/review/people")
PER_PAGE = 20
ON_FORM = re.compile(r"^\s*(\d+)\s*:\s*(\S.*)$")
THEN = "all batches have their verdicts; `dvc repro think` goes on with them"


def main(argv: list[str]) -> int:
    """Ask for every verdict that is missing; 0 once none is."""
    parser = argparse.ArgumentParser(prog="python -m flows.review", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--reviewer", default=getpass.getuser(), help="who is asked; noted with every verdict")
    parser.add_argument("--reviews", type=Path, default=REVIEWS, metavar="FOLDER", help=f"default: {REVIEWS}")
    parser.add_argument("--form", action="store_true", help="ask in the Prefect UI")
    asked = parser.parse_args(argv)
    try:
        if asked.form:
            if not os.environ.get("PREFECT_API_URL"):
                raise ValueError("--form needs PREFECT_API_URL; docs/cluster.md says how a server is started")
            from flows.review_form import review_batches

            review_batches(str(asked.reviews), asked.reviewer)
            return 0
        return in_terminal(asked.reviews, asked.reviewer, ask=input)
    except ValueError as error:
        print(f"error in review: {error}", file=sys.stderr)
        return 1


def in_terminal(folder: Path, reviewer: str, *, ask: Callable[[str], str]) -> int:
    """Ask item by item; `q` or the end of input stops, and the next call goes on there (exit code 1)."""
    for path, items in review.waiting(folder).items():
        for number, item in enumerate(items, start=1):
            print(f"\n{path.name.removesuffix(review.ITEMS)}, {number} of {len(items)}\n{laid_out(item)}")
            verdict = _asked(item, reviewer, ask)
            if verdict is None:
                print("stopped; what was said is kept")
                return 1
            add(path, [verdict])
    print(THEN)
    return 0


def laid_out(item: Item) -> str:
    """An item as a person reads it."""
    lines = "\n".join(f"  {line.start_s:6.1f} s  {line.text}" for line in item.lines)
    heard = f"\n  transcript: {item.transcript}" if item.transcript else ""
    return f"{item.video} ({item.modality})\n{lines}{heard}\n  the judge: {item.judge_reason or 'no objection'}"


def add(path: Path, said: Sequence[Verdict]) -> None:
    """Add verdicts to those that the batch of `path` has."""
    name = path.name.removesuffix(review.ITEMS)
    mine = {item.item_id for item in review.items(path)}
    before = {key: verdict for key, verdict in review.verdicts(path.parent).items() if key in mine}
    review.close_batch(path.parent, name, list({**before, **{each.item_id: each for each in said}}.values()))


def pages(folder: Path, per_page: int) -> Iterator[tuple[Path, list[Item]]]:
    """What waits, a page at a time; asked for again after each, for its verdicts may settle others."""
    while waiting := review.waiting(folder):
        path, items = next(iter(waiting.items()))
        yield path, items[:per_page]


def read_form(items: Sequence[Item], rejected: str, reviewer: str) -> list[Verdict]:
    """Verdicts on a page: lines `NUMBER: what is wrong` reject, everything else on the page is accepted."""
    remarks: dict[int, str] = {}
    for line in filter(str.strip, rejected.splitlines()):
        match = ON_FORM.match(line)
        if not match or not 1 <= int(match[1]) <= len(items):
            raise ValueError(f"`{line}` is not `NUMBER: what is wrong` with a number from 1 to {len(items)}")
        remarks[int(match[1])] = match[2].strip()
    return [
        Verdict(item_id=item.item_id, accept=number not in remarks, remark=remarks.get(number, ""), reviewer=reviewer)
        for number, item in enumerate(items, start=1)
    ]


def _asked(item: Item, reviewer: str, ask: Callable[[str], str]) -> Verdict | None:
    while True:
        try:
            said = ask("right? [y]es, [q]uit, or what is wrong with it: ").strip()
        except EOFError:
            return None
        if said.lower() in ("q", "quit"):
            return None
        if said.lower() in ("y", "yes"):
            return Verdict(item_id=item.item_id, accept=True, reviewer=reviewer)
        if len(said) > 2:
            return Verdict(item_id=item.item_id, accept=False, remark=said, reviewer=reviewer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
