"""The examples do what they say."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def board(tmp_path: Path) -> Path:
    pixels = np.full((300, 400), 160, np.uint8)
    cv2.circle(pixels, (200, 150), 7, 60, -1)
    path = tmp_path / "board.png"
    cv2.imwrite(str(path), pixels)
    return path


def run(name: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_embedding_needs_no_server_and_finds_the_spot(board: Path) -> None:
    assert "inspected 1\nAnomaly: 1 regions" in run("embed.py", str(board))
