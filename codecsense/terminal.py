"""What commands share: where they write, and how they say what a user can mend."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

console = Console()


@contextmanager
def errors() -> Iterator[None]:
    """Turns what a user can mend into one message and exit code 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
