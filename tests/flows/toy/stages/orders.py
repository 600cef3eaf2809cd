"""What the toy's stages do: join files, and obey `orders/NAME.json` (how long to take, whether to fail).

They write down when they start and end, and keep how far they are, as real stages do.
"""

import json
import os
import time
from pathlib import Path

TICK_S = 0.1


def join(sources: list[Path], target: Path) -> None:
    name = os.environ["DVC_STAGE"].split(":")[-1]
    file = Path("orders") / f"{name}.json"
    order = json.loads(file.read_text()) if file.is_file() else {}
    note(f"starts {name} {os.getpid()}")
    try:
        take(order.get("seconds", 0), Path("data/scratch") / f"ticks-{name}")
    except KeyboardInterrupt:
        note(f"interrupted {name}")
        raise
    if "tell" in order:
        note(f"told {json.dumps({name: os.environ.get(name) for name in order['tell']})}")
    if "error" in order:
        raise ValueError(order["error"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(source.read_text() for source in sources))
    note(f"ends {name}")


def take(seconds: float, kept: Path) -> None:
    done = int(kept.read_text()) if kept.is_file() else 0
    if done:
        note(f"goes on at {done}")
    while done * TICK_S < seconds:
        time.sleep(TICK_S)
        done += 1
        kept.with_suffix(".partial").write_text(str(done))
        kept.with_suffix(".partial").replace(kept)
    kept.unlink(missing_ok=True)


def note(line: str) -> None:
    with Path("journal").open("a") as file:
        file.write(f"{line}\n")
