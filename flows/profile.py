"""`python -m flows.profile NAME`: lay a profile of `profiles/` over params.yaml, whose comments stay.

A profile is a list of differences with dotted keys, as a run is; `from: OTHER` lays another profile under it. Nothing
is written unless every run of the result is valid, and `git checkout params.yaml` takes it back.
"""

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import params

PROFILES = Path("profiles")
PARAMS = Path("params.yaml")


def differences(name: str, folder: Path = PROFILES) -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of a profile, those that it stands on first."""
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = sorted(each.stem for each in folder.glob("*.yaml"))
        raise ValueError(f"no profile `{name}`; there are: {', '.join(known)}")
    own = YAML(typ="rt").load(file.read_text(encoding="utf-8"))  # numbers stay as they are written
    if not isinstance(own, dict):
        raise ValueError(f"{file} must hold dotted keys and their values")
    if "from" in own:
        yield from differences(own.pop("from"), folder)
    yield from own.items()


def laid_over(name: str, file: Path, folder: Path = PROFILES) -> str:
    """The text of `file` with a profile laid over it; comments and order are kept."""
    keeping = YAML(typ="rt")  # plain values with their comments; it makes no objects
    keeping.width = 4096
    keeping.preserve_quotes = True
    keeping.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    keeping.indent(mapping=2, sequence=4, offset=2)
    values = keeping.load(file.read_text(encoding="utf-8"))
    for dotted, value in differences(name, folder):
        _put(values, dotted, value, f"profile `{name}`: `{dotted}`")
    text = io.StringIO()
    keeping.dump(values, text)
    return text.getvalue()


def _put(values: Any, dotted: str, new: Any, where: str) -> None:
    *path, last = dotted.split(".")
    for key in path:
        values = values[key] if isinstance(values, dict) and key in values else None
    if not isinstance(values, dict) or last not in values:
        raise ValueError(f"{where} names a key that params.yaml does not have")
    values[last] = new


def switch(name: str, file: Path, folder: Path = PROFILES) -> None:
    """Lay a profile over `file`, if the result is valid."""
    made = file.with_suffix(".new.yaml")
    try:
        made.write_text(laid_over(name, file, folder), encoding="utf-8")
        params.load(made)
        made.replace(file)
    finally:
        made.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """The command; 1 and one line of reason where it cannot."""
    parser = argparse.ArgumentParser(prog="python -m flows.profile", description="Lay a profile over params.yaml.")
    parser.add_argument("name", help="a file of profiles/, without its ending")
    name = parser.parse_args(arguments).name
    try:
        switch(name, PARAMS)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"{PARAMS} is now that of {name}; `codecsense estimate` says what it takes, "
        f"`git checkout {PARAMS}` takes it back"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
