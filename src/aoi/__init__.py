"""aoi: an image of a board, panel or wafer goes in; its defects, its pictures and a durable record come out."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aoi.bootstrap import Application, assemble, open_application
    from aoi.domain.defects import (
        Analysis,
        BoundingBox,
        DefectClass,
        Detection,
        EngineInfo,
        Findings,
        PictureKind,
        Region,
        StoredPicture,
    )
    from aoi.domain.errors import AoiError, InferenceFailed, UploadRejected
    from aoi.domain.image import ImageFacts, ImageFormat, IncomingImage, Labels, PixelFacts, StoredImage
    from aoi.domain.inspection import Failure, Inspection, State
    from aoi.domain.limits import Limits
    from aoi.domain.read_inspection import ReadInspection
    from aoi.domain.resume_interrupted import ResumeInterrupted
    from aoi.domain.retry_inspection import RetryInspection
    from aoi.domain.upload_image import UploadImage
    from aoi.settings import Settings, read_settings

__all__ = [
    "Analysis",
    "AoiError",
    "Application",
    "BoundingBox",
    "DefectClass",
    "Detection",
    "EngineInfo",
    "Failure",
    "Findings",
    "ImageFacts",
    "ImageFormat",
    "IncomingImage",
    "InferenceFailed",
    "Inspection",
    "Labels",
    "Limits",
    "PictureKind",
    "PixelFacts",
    "ReadInspection",
    "Region",
    "ResumeInterrupted",
    "RetryInspection",
    "Settings",
    "State",
    "StoredImage",
    "StoredPicture",
    "UploadImage",
    "UploadRejected",
    "assemble",
    "open_application",
    "read_settings",
]

_MODULES = (
    "aoi.bootstrap",
    "aoi.domain.defects",
    "aoi.domain.errors",
    "aoi.domain.image",
    "aoi.domain.inspection",
    "aoi.domain.limits",
    "aoi.domain.read_inspection",
    "aoi.domain.resume_interrupted",
    "aoi.domain.retry_inspection",
    "aoi.domain.upload_image",
    "aoi.settings",
)


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: the command line must answer `--help` at once."""
    if name in __all__:
        for module in map(importlib.import_module, _MODULES):
            if name in vars(module):
                return vars(module)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
