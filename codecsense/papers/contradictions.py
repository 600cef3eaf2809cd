"""The contradictions of the papers as text: what `codecsense check-reported` prints and docs/reported.md holds."""

from itertools import groupby

from codecsense.papers import checks, reading

RULES = {
    "interval": "Printed intervals that are not Wilson's interval of the printed count",
    "disjoint": "Intervals said not to overlap that overlap",
    "same quantity": "One quantity, printed with several values",
    "count": "Percentages that are not those of their counts",
    "sum": "Sums that are not those of their rows",
    "share": "Shares that are not those of their counts",
    "weighted mean": "Overall values that are not the mean of their groups",
    "difference": "Differences that are not those of their operands",
    "ratio": "Ratios that are not those of what they seem to be taken of",
    "never fired": "Methods that did nothing and are reported with a result of their own",
    "proportional": "Tokens that do not grow with frames",
    "parameters": "Weights that cannot be what was trained",
}
INTRODUCTION = """\
# What the papers' numbers say against each other

Written by `codecsense check-reported --output docs/reported.md`; a test holds this page to what the command finds.

The numbers that HY-Himmel and HippoVLM print are kept in `codecsense/papers/reported/`, each with the table or section
it stands in. Here is everything in them that contradicts something else in them, or what can be counted. It is why
those numbers stand beside ours as *reported* and are never targets. A printed number is taken to stand for every value
that rounds to it. Nothing here says how a number came about."""


def told(names: list[str]) -> str:
    """The findings of these papers as Markdown, a section each."""
    return "\n\n".join([INTRODUCTION, *(_of(reading.load(name)) for name in names)]) + "\n"


def _of(paper: reading.Paper) -> str:
    found, looked = checks.check(paper), checks.intervals_that_agree(paper)
    numbers = sum(len(places) for places in reading.places(paper).values())
    lines = [f"## {paper.paper}", "", f"{numbers} printed values in {len(paper.tables)} tables and in the text; "]
    lines[-1] += f"contradictions: {len(found) or 'none'}."
    if looked.looked_at:
        lines += ["", f"Of {looked.looked_at} different intervals with two digits, {looked.agree} are Wilson's."]
    for rule, group in groupby(found, key=lambda each: each.rule):
        lines += ["", f"### {RULES[rule]}", "", *(f"* {each.where}: {each.says}." for each in group)]
    return "\n".join(lines)
