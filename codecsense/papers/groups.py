"""Groups of runs, as `groups.yaml` names them: each makes one table or figure of the papers.

A row is a run: one that params.yaml or profiles/adapter_runs.yaml already has, or a `change`, a set of differences from
the base; or it is a training-free `rival`, a line of the stage `rivals`. What all runs share (world, extraction, host)
differs between `bases`; a row names the base it is of. All of it is values; `flows.groups` makes what is missing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError, model_validator

from codecsense.config import read
from codecsense.papers import reading
from codecsense.papers.reading import Data, ReportedTable

SHARED = "shared"  # the base that params.yaml is
RIVALS = "rivals"  # the stage whose lines rows may name


class Source(NamedTuple):
    """Where a row's answers come from: a run that was evaluated, or a line of the stage `rivals`."""

    base: str
    run: str | None
    rival: str | None = None

    @property
    def target(self) -> str:
        """The stage that answers."""
        return RIVALS if self.rival is not None else f"evaluate@{self.run}"


class Row(Data):
    """One line of a group. Without `run` or `rival` the row's name is the run's; `run: null` is reported only."""

    run: str | None = ""
    rival: str | None = None  # the title of a line that `rivals.tried` holds
    base: str = SHARED
    over: str | None = None  # a run whose differences `change` is laid over
    change: dict[str, Any] = Field(default={})
    reported: str | None = None  # the row of the paper's table
    mode: Literal["direct", "two_stage"] = "direct"
    against: str | None = None  # another row of its base than the group is held against
    at: float | None = None  # where it stands on the axis of a curve
    line: str = "ours"  # which curve it is a point of

    @model_validator(mode="after")
    def _one_of_both(self) -> "Row":
        if self.rival is not None and (self.run or self.over or self.change):
            raise ValueError(
                f"a rival is trained by nobody: leave `run`, `over` and `change` out beside {self.rival!r}"
            )
        return self


class Shown(Data):
    """A column of ours: which questions, and what it is called."""

    type: str
    kind: str | None = None

    @property
    def label(self) -> str:
        """As it is printed at the head of a column."""
        return self.type if self.kind is None else f"{self.kind} ({self.type})"


class Group(Data):
    """A table: its runs, the questions it is about, the paper's numbers beside it."""

    title: str
    reported: str | None = None  # PAPER.TABLE
    columns: list[str] = Field(default=[])  # of the paper's table, beside ours
    shown: list[Shown]
    against: str  # the row that others of its base are held against
    figure: Literal["bars", "frontier", "curve", "gates"] | None = "bars"
    axis: str = ""
    note: str = ""
    beyond: bool = False  # in no paper: made when it is named, and not with `all`
    rows: dict[str, Row]

    @model_validator(mode="after")
    def _rows_fit(self) -> "Group":
        if self.against not in self.rows:
            raise ValueError(f"`against` names no row: {self.against}")
        lost = [row.against for row in self.rows.values() if row.against and row.against not in self.rows]
        if lost:
            raise ValueError(f"`against` names no row: {lost[0]}")
        bare = [name for name, row in self.rows.items() if not (row.run is not None or row.rival or row.reported)]
        if bare:
            raise ValueError(f"row `{bare[0]}` is neither run nor rival nor reported")
        return self

    def reference(self, name: str) -> str | None:
        """The row that this one is paired with: its own or the group's, if that answers the same questions."""
        other = self.rows[name].against or self.against
        return other if other != name and self.rows[other].base == self.rows[name].base else None

    def sources(self) -> dict[str, Source]:
        """Where the answers of every row come from that is not reported only."""
        return {
            name: Source(row.base, None if row.rival else row.run or name, row.rival)
            for name, row in self.rows.items()
            if row.rival or row.run is not None
        }

    def runs(self) -> dict[str, tuple[str, str]]:
        """Base and run of every row that is run."""
        return {name: (base, run) for name, (base, run, _) in self.sources().items() if run is not None}

    def bases(self) -> set[str]:
        """What its rows name beside the shared base."""
        return {row.base for row in self.rows.values()} - {SHARED}

    def on(self, base: str) -> "Group":
        """The same table with all its runs in another base; ValueError if it varies the base itself."""
        if own := self.bases():
            raise ValueError(
                f"`{self.title}` cannot move to base `{base}`: its rows name bases ({', '.join(sorted(own))})"
            )
        rows = {name: row.model_copy(update={"base": base}) for name, row in self.rows.items()}
        return self.model_copy(update={"title": f"{self.title}, on {base}", "rows": rows})

    def table(self) -> ReportedTable | None:
        """The paper's table; ValueError if there is none of that name, or a row is missing in it."""
        if self.reported is None:
            return None
        paper, _, name = self.reported.partition(".")
        tables = reading.load(paper).tables
        if name not in tables:
            raise ValueError(f"{paper} has no table `{name}`; it has: {', '.join(tables)}")
        table = tables[name]
        odd = [row.reported for row in self.rows.values() if row.reported and row.reported not in table.rows]
        odd += [column for column in self.columns if column not in table.columns]
        if odd:
            raise ValueError(f"{self.reported} has no `{odd[0]}`")
        return table


class Groups(Data):
    """All groups, and the bases that differ from params.yaml in what runs share."""

    bases: dict[str, dict[str, Any]]
    groups: dict[str, Group]

    def of_papers(self, base: str = SHARED) -> list[str]:
        """The names of all groups that are a table or figure of a paper, and can be made in `base`."""
        papers = {name: group for name, group in self.groups.items() if not group.beyond}
        return [name for name, group in papers.items() if base == SHARED or not group.bases()]

    def find(self, name: str, base: str = SHARED) -> Group:
        """A group by its name, with its runs in `base`."""
        if name not in self.groups:
            raise ValueError(f"no table `{name}`; there are: {', '.join(self.groups)}")
        if base not in (SHARED, *self.bases):
            raise ValueError(f"no base `{base}`; there are: {', '.join(self.bases)}")
        return self.groups[name] if base == SHARED else self.groups[name].on(base)

    def changes(
        self, library: Mapping[str, dict[str, Any]], known: Mapping[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """The differences of every run that the groups name and params.yaml (`known`) does not have."""
        found: dict[str, dict[str, Any]] = {}
        for group in self.groups.values():
            for name, row in group.rows.items():
                if name not in group.runs():
                    continue
                run = row.run or name
                laid = {**_under(row, library, known), **row.change}
                elsewhere = [runs[run] for runs in (known, found, library) if run in runs]
                change = laid or (elsewhere[0] if elsewhere else None)
                if change is None:
                    raise ValueError(
                        f"`{run}` is no run of params.yaml or profiles/adapter_runs.yaml; say its `change`"
                    )
                if (run in known and laid) or (run in found and found[run] != change):
                    raise ValueError(f"run `{run}` is defined twice, and differently")
                if run not in known:
                    found[run] = change
        return found


def reinforced(change: Mapping[str, Any]) -> bool:
    """Whether these differences are those of a run of `rl_runs`, which goes on where `vanao.start` ended."""
    return any(key.partition(".")[0] == "vanao" for key in change)


def _under(row: Row, library: Mapping[str, dict[str, Any]], known: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    if row.over is None:
        return {}
    found = known.get(row.over, library.get(row.over))
    if found is None:
        raise ValueError(f"`over: {row.over}` is no run of params.yaml or profiles/adapter_runs.yaml")
    return found


def load(file: Path) -> Groups:
    """The groups of a file; ValueError names group and key."""
    try:
        groups = Groups.model_validate(read(file))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{file}: {key}: {first['msg']}") from None
    for name, group in groups.groups.items():
        odd = group.bases() - set(groups.bases)
        if odd:
            raise ValueError(f"{file}: group `{name}` names the base `{odd.pop()}`, which `bases` does not have")
        group.table()
    return groups
