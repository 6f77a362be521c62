"""The bounds that the use cases keep; `aoi.settings` names the variable behind each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    max_image_bytes: int = 50 * 1024 * 1024
    max_regions: int = 100_000
    """Regions in one image."""
    inference_concurrency: int = 4
    """Images that the engine works on at once."""
    inference_deadline: float = 120.0
    """For one image, all tries together, from the moment the engine begins."""
    lease_seconds: float = 30.0
    """How long work goes on being somebody's after they were last heard of."""
