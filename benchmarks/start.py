"""How soon the commands answer: `aoi --help`, and `/health` after `aoi serve`.

uv run python benchmarks/start.py
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from programs import free_port, wait_until_it_answers
from rich.console import Console
from rich.table import Table

RUNS = 5
COMMAND = [sys.executable, "-m", "aoi.entrypoints.cli"]


def seconds_for(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def seconds_until_healthy(home: Path) -> float:
    port = free_port()
    environment = {**os.environ, "AOI_HOME": str(home), "AOI_PORT": str(port), "AOI_LOG_LEVEL": "warning"}
    process = subprocess.Popen([*COMMAND, "serve"], env=environment)
    try:
        return wait_until_it_answers(port, "/health")
    finally:
        process.terminate()
        process.wait(60)


def main() -> None:
    table = Table("what", "median s", "slowest s", title=f"{RUNS} runs each")
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            "python -c pass (the floor)": [seconds_for([sys.executable, "-c", "pass"]) for _ in range(RUNS)],
            "aoi --help": [seconds_for([*COMMAND, "--help"]) for _ in range(RUNS)],
            "aoi serve until /health answers": [seconds_until_healthy(Path(folder)) for _ in range(RUNS)],
        }
    for what, seconds in figures.items():
        table.add_row(what, f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
