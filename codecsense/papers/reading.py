"""The tables of a paper as they are kept in `reported/*.yaml`, and every number in them by its quantity."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from codecsense.config import read

REPORTED = Path(__file__).parent / "reported"
LABEL = "printed"
REST = "rest"
Printed = int | float | str
Value = float | str | tuple[float, float]


class Data(BaseModel):
    """Data that people type: closed to keys it does not know; what a table does not have may be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Gains(Data):
    """A column of differences: of which column, and for each row the row it is taken from."""

    of: str
    pairs: dict[str, str]


class ReportedTable(Data):
    """One table. Keys of `columns` and `rows` name quantities; a row's `printed` is its heading in the paper."""

    where: str
    columns: dict[str, int | Literal["text"]]  # digits after the point
    rows: dict[str, dict[str, Any]]
    counted: dict[str, int | dict[str, int]] = {}  # percentages of so many questions, the same in all rows or by row
    counts: dict[str, str] = {}  # a column of counts, and the column of their percentages
    sums: dict[str, str] = {}  # a column, and the row that holds its sum
    proportions: dict[str, str] = {}  # a column in per cent of the sum of another
    means: dict[str, dict[str, float]] = {}  # a column that is the mean of others, with their weights
    gains: dict[str, Gains] = {}
    quantities: dict[str, str] = {}  # cells whose quantity is not `row.column`

    @model_validator(mode="after")
    def _rows_hold_columns(self) -> "ReportedTable":
        for name, row in self.rows.items():
            odd = set(row) - set(self.columns) - {LABEL}
            if odd or LABEL not in row:
                raise ValueError(f"{self.where}: row `{name}` has {sorted(odd) or 'no heading'}")
        return self

    def total(self, column: str, row: str) -> int | None:
        """How many questions a percentage is of, where that is known."""
        counted = self.counted.get(column)
        return counted.get(row, counted.get(REST)) if isinstance(counted, dict) else counted


class Statement(Data):
    """A quantity in the text; without `decimals` it is words."""

    where: str
    quantity: str
    printed: Printed
    decimals: int | None = None


class Difference(Data):
    """A difference in the text, in points."""

    where: str
    first: str
    second: str
    printed: float
    decimals: int


class Ratio(Data):
    """A printed quantity that should be one quantity over another."""

    where: str
    quantity: str
    over: str
    under: str


class Pair(Data):
    """Two intervals that are said not to overlap."""

    where: str
    first: str
    second: str


class Inert(Data):
    """A method that is said to have done nothing to what it was laid over."""

    where: str
    did: str
    method: str
    over: str
    measure: str


class Proportional(Data):
    """Quantities that grow as their number of frames does."""

    where: str
    frames: dict[str, int]


class CountedLoRA(Data):
    """The quantity that a LoRA's weights are printed as, and the file beside `codecsense/report` with its shapes."""

    quantity: str
    architecture: str


class Paper(Data):
    """All that is kept of one paper."""

    paper: str
    measures: list[str]
    statements: list[Statement]
    known: list[Statement]
    differences: list[Difference]
    ratios: list[Ratio]
    disjoint: list[Pair]
    inert: list[Inert]
    proportional: list[Proportional]
    lora: CountedLoRA | None
    tables: dict[str, ReportedTable]


class Place(NamedTuple):
    """A value as it is printed somewhere."""

    where: str
    value: Value
    decimals: int | None


def papers() -> list[str]:
    """The names of the papers whose numbers are kept."""
    return sorted(file.stem for file in REPORTED.glob("*.yaml"))


@cache
def load(name: str, folder: Path = REPORTED) -> Paper:
    """A paper's numbers; ValueError says which key of which file is not usable."""
    file = folder / f"{name}.yaml"
    if not file.is_file():
        raise ValueError(f"no numbers of `{name}` are kept; there are: {', '.join(papers())}")
    return parse(read(file), str(file))


def parse(values: dict[str, Any], source: str) -> Paper:
    """A paper's numbers from plain values."""
    try:
        return Paper.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{source}: {key}: {first['msg']}") from None


def places(paper: Paper) -> dict[str, list[Place]]:
    """Every printed value by its quantity, with where it stands, in the order of the paper."""
    found: dict[str, list[Place]] = {}
    for quantity, place in _places(paper):
        found.setdefault(quantity, []).append(place)
    return found


def _places(paper: Paper) -> Iterator[tuple[str, Place]]:
    for table in paper.tables.values():
        for name, row in table.rows.items():
            for column, value in row.items():
                if column != LABEL:
                    cell = f"{name}.{column}"
                    decimals = table.columns[column]
                    shown = tuple(value) if isinstance(value, list) else value
                    place = Place(table.where, shown, None if decimals == "text" else decimals)
                    yield table.quantities.get(cell, cell), place
    for said in paper.statements:
        yield said.quantity, Place(said.where, said.printed, said.decimals)
