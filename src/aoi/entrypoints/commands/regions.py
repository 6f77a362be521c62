"""`aoi regions`."""

import sys
from pathlib import Path

import msgspec

from aoi.bootstrap import analyse_mask
from aoi.domain.errors import AoiError
from aoi.entrypoints.result_json import result_of


class UnusableMask(AoiError):
    """The mask cannot be measured."""

    code = "unusable-mask"


def print_regions(mask: str, names: str | None) -> int:
    """Print the analysis of a class mask as JSON; raises `UnusableMask`."""
    try:
        content = Path(mask).read_bytes()
        analysis = analyse_mask(content, names.split(",") if names else None)
    except OSError as error:
        raise UnusableMask(f"{mask} cannot be read: {error.strerror}. Check its name and its rights.") from error
    except ValueError as error:
        raise UnusableMask(f"{mask}: {error}") from error
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(result_of(analysis)), indent=1) + b"\n")
    return 0
