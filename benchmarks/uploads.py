"""Uploads per second and their times, side by side with the bare program.

uv run python benchmarks/uploads.py
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx
from programs import aoi_server, bare_server, board_jpeg, free_port, stub_service
from rich.console import Console
from rich.table import Table


@dataclass
class Measured:
    """Seconds of single uploads, and uploads a second of each round."""

    seconds: list[float] = field(default_factory=list[float])
    rates: list[float] = field(default_factory=list[float])

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def milliseconds(self, share: float) -> float:
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))] * 1000


async def upload_many(url: str, image: bytes, uploads: int, at_once: int, into: Measured) -> None:
    """Send `uploads` images, `at_once` at a time."""
    left = iter(range(uploads))

    async def send(client: httpx.AsyncClient) -> None:
        for _ in left:
            began = time.perf_counter()
            response = await client.post(f"{url}/upload", files={"image": ("board.jpg", image, "image/jpeg")})
            response.raise_for_status()
            into.seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with httpx.AsyncClient(timeout=120, trust_env=False) as client, anyio.create_task_group() as tasks:
        for _ in range(at_once):
            tasks.start_soon(send, client)
    into.rates.append(uploads / (time.perf_counter() - began))


async def measure(urls: dict[str, str], uploads: int, rounds: int) -> dict[tuple[int, str], Measured]:
    """Rounds in turn, so that whatever else the machine does falls on both programs."""
    image = board_jpeg()
    measured: dict[tuple[int, str], Measured] = {}
    for url in urls.values():
        await upload_many(url, image, 8, 4, Measured())
    for at_once in (1, 4, 16):
        for _ in range(rounds):
            for name, url in urls.items():
                into = measured.setdefault((at_once, name), Measured())
                await upload_many(url, image, uploads, at_once, into)
    return measured


def table_of(measured: dict[tuple[int, str], Measured]) -> Table:
    table = Table(
        "at once", "program", "uploads/s", "p50 ms", "p99 ms", "of bare", title="Uploads, instant SegFormer stub"
    )
    for (at_once, name), figures in measured.items():
        ratio = figures.rate / measured[at_once, "bare"].rate
        percentiles = (f"{figures.milliseconds(share):.0f}" for share in (0.5, 0.99))
        table.add_row(str(at_once), name, f"{figures.rate:.1f}", *percentiles, f"{ratio:.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=48, help="in each round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    service, bare, synced, aoi = free_port(), free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with (
            stub_service(service),
            bare_server(bare, home / "bare", service),
            bare_server(synced, home / "synced", service, "--sync"),
            aoi_server(aoi, home / "aoi", service),
        ):
            ports = {"bare": bare, "bare, files synced": synced, "aoi": aoi}
            urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
            measured = anyio.run(measure, urls, options.uploads, options.rounds)
    Console().print(table_of(measured))


if __name__ == "__main__":
    main()
