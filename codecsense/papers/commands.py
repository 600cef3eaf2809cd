"""The commands that ask the papers: what they print, what it contradicts, and what can be counted of it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from codecsense.terminal import console
from codecsense.terminal import errors as _errors

app = typer.Typer()

REPORTED = Path(__file__).parents[1] / "report/himmel.yaml"
ReportedOption = Annotated[Path, typer.Option(help="An adapter at full size, and what is reported of it.")]


@app.command()
def parameters(reported: ReportedOption = REPORTED) -> None:
    """Count the weights of the motion adapter at full size, part by part, beside those that the report prints."""
    from codecsense.report import parameters as counted

    with _errors():
        size = counted.full_size(reported)
        table = Table("part", "millions", "reported", "off by")
        for part in [*counted.stage_1(size), *counted.stage_2(size)]:
            shown = ("", "") if part.off is None else (f"{part.reported:.1f}", f"{part.off:+.2%}")
            table.add_row(part.name, f"{part.ours:.2f}", *shown)
        console.print(table)
        for remark in counted.remarks(size):
            console.print(remark, highlight=False, soft_wrap=True)


@app.command()
def context(reported: ReportedOption = REPORTED) -> None:
    """Say which arithmetic gives which of the context lengths that the report prints."""
    from codecsense.report import context as told

    with _errors():
        claims = told.reported(reported)
        table = Table("printed for", "tokens", "pictures", "motion", "left over")
        for line in told.lines(claims):
            table.add_row(line.what, *(f"{n:.0f}" for n in (line.printed, line.pictures, line.motion, line.left)))
        console.print(table)
        for remark in told.remarks(claims):
            console.print(remark, highlight=False, soft_wrap=True)


@app.command()
def check_reported(
    paper: Annotated[list[str] | None, typer.Argument(help="hy_himmel, hippovlm; all if none is named.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the findings to this file instead.")] = None,
) -> None:
    """Recompute what can be recomputed from the numbers that the papers print, and say what contradicts what."""
    from codecsense.papers import contradictions, reading

    with _errors():
        text = contradictions.told(paper or reading.papers())
        if output is None:
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            output.write_text(text, encoding="utf-8")
