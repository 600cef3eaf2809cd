"""What a person sees of a run of the graph: plain lines in a log, or in a terminal also what runs at the moment."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from flows.schedule import BAD, Outcome

if TYPE_CHECKING:
    from rich.table import Table

CHATTER = (  # what DVC says around a stage; its start, end and skipping are told here in one line each
    "Running stage '",
    "> python -m flows.stage",
    "Updating lock file",
    "Generating lock file",
    "To track the changes with git",
    "\tgit add ",
    "To enable auto staging",
    "\tdvc config core.autostage",
    "Use `dvc push`",
    "Data and pipelines are up to date",
)


class Watcher(Protocol):
    """Whoever wants to know how a run goes; called by one thread, in the order of events."""

    def environment(self, name: str) -> dict[str, str]:
        """What the process of the stage, about to start, should know."""

    def started(self, name: str) -> None:
        """A process was started for the stage."""

    def said(self, name: str, line: str) -> None:
        """The stage, or DVC about it, wrote a line."""

    def ended(self, name: str, outcome: Outcome, seconds: float, reason: str = "") -> None:
        """The stage has ended, or will not run; a failure has its reason."""

    def closed(self, *, interrupted: bool = False) -> None:
        """Nothing more will happen."""


class Lines:
    """A plain line per event, each with the stage it is about."""

    def __init__(self, total: int, out: TextIO | None = None, write: Callable[[str], None] | None = None) -> None:
        self.out = out or sys.stdout
        self.total, self.count = total, 0
        self.write = write or (lambda line: print(line, file=self.out, flush=True))

    def environment(self, name: str) -> dict[str, str]:
        """Nothing: lines ask nothing of a stage."""
        return {}

    def started(self, name: str) -> None:
        """Say that it starts."""
        self.write(f"{name}: starts")

    def said(self, name: str, line: str) -> None:
        """Repeat the line, named; what DVC says around every stage is left out."""
        line = line.rstrip()
        if not line or line.startswith(CHATTER) or line == f"{name}: starts" or line.startswith(f"{name}: done in"):
            return
        self.write(f"{name} | {line}")

    def ended(self, name: str, outcome: Outcome, seconds: float, reason: str = "") -> None:
        """Say how it ended, and how far the whole is."""
        self.count += 1
        taken = f" after {seconds:.1f} s" if seconds else ""
        self.write(f"{name}: {outcome}{taken} [{self.count}/{self.total}]")

    def closed(self, *, interrupted: bool = False) -> None:
        """Lines need no end."""


class Screen:
    """Lines that scroll by above a table of what runs now, for a terminal."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.live import Live

        self.console = Console(highlight=False)
        self.lines = Lines(total, write=lambda line: self.console.print(line, markup=False))
        self.running: dict[str, tuple[float, str]] = {}
        self.live = Live(console=self.console, get_renderable=self._table, refresh_per_second=2, transient=True)
        self.live.start()

    def environment(self, name: str) -> dict[str, str]:
        """Nothing: its output goes into a pipe all the same."""
        return {}

    def started(self, name: str) -> None:
        """Put the stage into the table."""
        self.running[name] = (time.monotonic(), "")

    def said(self, name: str, line: str) -> None:
        """Show the line beside its stage and above the table."""
        self.running[name] = (self.running[name][0], line.strip() or self.running[name][1])
        self.lines.said(name, line)

    def ended(self, name: str, outcome: Outcome, seconds: float, reason: str = "") -> None:
        """Take the stage out of the table and say how it ended."""
        self.running.pop(name, None)
        if outcome in BAD or seconds:
            self.lines.ended(name, outcome, seconds)
        else:
            self.lines.count += 1

    def closed(self, *, interrupted: bool = False) -> None:
        """Give the terminal back."""
        self.live.stop()

    def _table(self) -> "Table":
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for name, (since, line) in self.running.items():
            table.add_row(Text(name, "bold"), f"{now - since:.0f} s", Text(line[:100], "dim"))
        table.add_row("", f"{self.lines.count}/{self.lines.total}", "")
        return table
