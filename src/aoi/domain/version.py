"""Which aoi this is."""

from importlib import metadata


def aoi_version() -> str:
    """The version of the installed package."""
    return metadata.version("aoi")
