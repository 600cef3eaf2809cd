"""A stage that copies files and obeys `orders/NAME.json`: how long to take, whether to fail."""

import json
import os
import sys
import time
from pathlib import Path

from flows import processes


def main(argv: list[str]) -> int:
    name = os.environ["DVC_STAGE"]
    orders = Path("orders") / f"{name}.json"
    order = json.loads(orders.read_text()) if orders.is_file() else {}
    with processes.alone(Path("data/scratch/running") / name, lambda other: print(f"{name}: waits for {other}")):
        note(f"starts {name} {os.getpid()}")
        print(f"{name}: starts", flush=True)
        time.sleep(order.get("seconds", 0))
        if "error" in order:
            print(f"error in {name}: {order['error']}", file=sys.stderr)
            return 1
        *sources, target = argv[1:]
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).write_text("".join(Path(source).read_text() for source in sources))
        note(f"ends {name}")
    return 0


def note(line: str) -> None:
    with Path("journal").open("a") as file:
        file.write(f"{line}\n")


if __name__ == "__main__":
    processes.end_as_interrupted()
    processes.end_with_parent()
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        note(f"interrupted {os.environ['DVC_STAGE']}")
        sys.exit(130)
