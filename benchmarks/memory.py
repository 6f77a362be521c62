"""The server's memory while eight uploads of 49 MB come in at once.

    uv run python benchmarks/memory.py

While the bodies stream, nothing but the streams should cost memory. Afterwards one image at a time is decoded, and the
engine's answers are held: both are reported by themselves. Linux only, by /proc.
"""

import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
from programs import aoi_server, free_port, stub_service
from rich.console import Console
from rich.table import Table

UPLOADS = 8
SIDE = 7168
MEBIBYTE = 1 << 20
CHUNK = 1 << 18


def large_bmp() -> bytes:
    """A grey BMP of 7168 × 7168 pixels: 49 MiB."""
    palette = b"".join(bytes((value, value, value, 0)) for value in range(256))
    offset = 54 + len(palette)
    size = offset + SIDE * SIDE
    numbers = (40, SIDE, SIDE, 1 | 8 << 16, 0, SIDE * SIDE, 2835, 2835, 256, 0)
    header = b"".join(number.to_bytes(4, "little") for number in numbers)
    start = b"BM" + b"".join(number.to_bytes(4, "little") for number in (size, 0, offset))
    return start + header + palette + bytes(range(256)) * (SIDE * SIDE // 256)


@dataclass
class Memory:
    """What a process holds, in MiB, and the most it held since `reset`."""

    pid: int

    def now(self) -> float:
        return self._read("VmRSS")

    def most(self) -> float:
        return self._read("VmHWM")

    def reset(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _read(self, name: str) -> float:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
        raise ValueError(name)


async def send(client: httpx.AsyncClient, url: str, image: bytes, sent: anyio.Event, held_back: anyio.Event) -> None:
    """One upload, whose last tenth waits for `held_back`; `sent` is set when it begins to wait."""
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="large.bmp"\r\n\r\n'
    body = head + image + b"\r\n--b--\r\n"
    last = len(body) * 9 // 10

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, last, CHUNK):
            yield body[start : min(start + CHUNK, last)]
        sent.set()
        await held_back.wait()
        yield body[last:]

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(len(body))}
    (await client.post(f"{url}/upload", content=pieces(), headers=headers)).raise_for_status()


async def measure(url: str, memory: Memory) -> tuple[float, float, float]:
    """The memory when idle, the most while bodies stream, and the most until all are answered."""
    image = large_bmp()
    streaming = 0.0
    held_back, sent = anyio.Event(), [anyio.Event() for _ in range(UPLOADS)]
    idle = memory.now()
    memory.reset()
    limits = httpx.Limits(max_connections=UPLOADS)
    async with (
        httpx.AsyncClient(timeout=300, trust_env=False, limits=limits) as client,
        anyio.create_task_group() as tasks,
    ):
        for one in sent:
            tasks.start_soon(send, client, url, image, one, held_back)
        for one in sent:
            await one.wait()
        await anyio.sleep(1)
        streaming = memory.most()
        held_back.set()
    return idle, streaming, memory.most()


def main() -> None:
    service, port = free_port(), free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        stub_service(service),
        aoi_server(port, Path(folder), service) as server,
    ):
        url = f"http://127.0.0.1:{port}"
        httpx.post(f"{url}/upload", files={"image": ("small.bmp", small_bmp(), "image/bmp")}, timeout=60)
        time.sleep(1)
        idle, streaming, most = anyio.run(measure, url, Memory(server.pid))
    table = Table("phase", "MiB", "over idle", title=f"{UPLOADS} uploads of {SIDE * SIDE / MEBIBYTE:.0f} MiB at once")
    table.add_row("idle", f"{idle:.0f}", "")
    table.add_row("while the bodies stream", f"{streaming:.0f}", f"{streaming - idle:.0f}")
    table.add_row("one decoded at a time, four answers held", f"{most:.0f}", f"{most - idle:.0f}")
    Console().print(table)


def small_bmp() -> bytes:
    """One that loads everything that the server loads late."""
    numbers = (40, 8, 8, 1 | 24 << 16, 0, 192, 2835, 2835, 0, 0)
    header = b"".join(number.to_bytes(4, "little") for number in numbers)
    return b"BM" + b"".join(number.to_bytes(4, "little") for number in (246, 0, 54)) + header + bytes(192)


if __name__ == "__main__":
    main()
