"""Starting and stopping the programs that are measured, each in a process of its own on loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import cv2
import httpx
import numpy as np

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def program(*command: str, port: int, path: str = "/health", **environment: str) -> Generator[subprocess.Popen[bytes]]:
    """A running program that answers at `path` of `port`; it is told to stop at the end."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AOI_")}
    process = subprocess.Popen([sys.executable, *command], env={**variables, **environment}, cwd=ROOT)
    try:
        wait_until_it_answers(port, path)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_until_it_answers(port: int, path: str, patience: float = 60.0) -> float:
    """Seconds until the program answered."""
    began = time.perf_counter()
    while time.perf_counter() - began < patience:
        try:
            httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.02)
        else:
            return time.perf_counter() - began
    raise TimeoutError(f"Nothing answers at port {port}.")


def stub_service(port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A SegFormer service that answers at once, with pictures of a real answer's size."""
    return program("tests/segformer_stub.py", "--port", str(port), port=port)


def bare_server(
    port: int, folder: Path, service_port: int, *options: str
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The floor, see `bare.py`."""
    service = f"http://127.0.0.1:{service_port}"
    return program(
        "benchmarks/bare.py", "--port", str(port), "--folder", str(folder), "--service", service, *options, port=port
    )


def aoi_server(
    port: int, home: Path, service_port: int, **settings: str
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """aoi on SQLite and files, with the service as its engine."""
    return program(
        "-m",
        "aoi.entrypoints.cli",
        "serve",
        port=port,
        AOI_HOME=str(home),
        AOI_PORT=str(port),
        AOI_INFERENCE_URL=f"segformer+http://127.0.0.1:{service_port}",
        AOI_LOG_LEVEL="warning",
        **settings,
    )


def board_jpeg() -> bytes:
    """A drawn board of 1792 × 1792 grey pixels, about as large in bytes as a real inspection image."""
    noise = np.random.default_rng(1).normal(0, 2.0, (1792, 1792))
    pixels = np.full((1792, 1792), 160.0) + noise
    pixels[::64, :] -= 40
    pixels[:, ::64] -= 40
    encoded = cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    return encoded.tobytes()
