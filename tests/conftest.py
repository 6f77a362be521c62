"""What all tests share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of test vectors and the reference image that stands beside a full checkout."""
    return Path(__file__).parents[2] / "shared"
