"""The contract of every table that crosses a stage border: checked when written and again when read.

One file of this folder per table: a `Table` class and its own `read` and `write`, the only ways in and
out of a file. A table is checked whole and eagerly: pandera checks a lazy polars frame for its column
types only and would let bad values pass. Columns are spelled `Facts.clip_id`, which is the column's
name, so a rename is one edit.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

Value = TypeVar("Value")

if TYPE_CHECKING:

    class Column(str, Generic[Value]):
        """The name of a column whose cells hold `Value`; as an annotation, the type of its cells."""
else:
    from pandera.typing.polars import Series as Column  # noqa: F401

ROWS_SHOWN = 5


class Table(pa.DataFrameModel):
    """A table between stages; a column nobody declared is a mistake, not a bonus."""

    class Config:
        strict = True


def from_rows(table: type[Table], rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """A frame with the columns and types of `table`, also where there is not one row to infer them from."""
    types = {name: column.dtype.type for name, column in table.to_schema().columns.items()}
    return pl.DataFrame([dict(row) for row in rows], schema=types)


def read_table(table: type[Table], path: Path, *, stage: str) -> pl.DataFrame:
    """The rows of a parquet file that `stage` made, once they meet every rule of `table`."""
    if not path.is_file():
        raise ValueError(f"{path} is missing; {_remedy(stage)}")
    try:
        frame = pl.read_parquet(path, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        problem = f"{path}, made by stage {stage}, is not a readable parquet file: {error}"
        raise ValueError(f"{problem}; {_remedy(stage)}") from None
    return checked(table, frame, path, stage=stage)


def write_table(table: type[Table], frame: pl.DataFrame, path: Path, *, stage: str) -> None:
    """Write rows that meet every rule of `table`; a killed run leaves the old file or the new one, never half."""
    checked(table, frame, path, stage=stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    frame.write_parquet(unfinished)
    unfinished.replace(path)


def checked(table: type[Table], frame: pl.DataFrame, path: Path, *, stage: str) -> pl.DataFrame:
    """`frame` itself; ValueError with stage, file, column, row, value and rule if it breaks a rule of `table`."""
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"{path}: collect the lazy frame first; unread values cannot be checked")
    try:
        table.validate(frame, lazy=True)
    except SchemaErrors as error:
        raise ValueError(_explain(error, table, frame, path=path, stage=stage)) from None
    return frame


def _explain(error: SchemaErrors, table: type[Table], frame: pl.DataFrame, *, path: Path, stage: str) -> str:
    lines = [f"{path}, made by stage {stage}, breaks the rules of {table.__name__}:"]
    found = pl.col("failure_case").cast(pl.String).fill_null("")
    cases = error.failure_cases.filter(~found.str.starts_with("ComputeError"))
    for case in cases.head(ROWS_SHOWN).iter_rows(named=True):
        lines.append(f"  {_describe(case, frame)}")
    if cases.height > ROWS_SHOWN:
        lines.append(f"  and {cases.height - ROWS_SHOWN} more")
    lines.append(_remedy(stage))
    return "\n".join(lines)


def _describe(case: dict[str, object], frame: pl.DataFrame) -> str:
    column, row, rule, found = (case.get(key) for key in ("column", "index", "check", "failure_case"))
    if rule in ("column_in_dataframe", "column_in_schema"):
        what = "is missing" if rule == "column_in_dataframe" else "is not declared"
        return f"column {found}: {what} (rule {rule})"
    place = f"column {column}" if isinstance(column, str) and column in frame.columns else "the table"
    if not isinstance(row, int):
        return f"{place}: found {found!r}, rule {rule}"
    value = frame[column][row] if isinstance(column, str) and column in frame.columns else found
    return f"{place}, row {row}: value {value!r}, rule {rule}"


def _remedy(stage: str) -> str:
    return f"run `dvc repro {stage} -f` to make it again"
