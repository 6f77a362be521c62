"""Answers of the SegFormer service in both forms of its contract, to be sent as they are or broken on purpose."""

import base64
import random
import struct
import time
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

Json = dict[str, Any]  # an answer is there to be tampered with, at any depth

CLASSES = ((1, "PI_Particle"), (2, "PR_Peeling"), (3, "Copper_Nodule"), (4, "Env_Particle"))


@dataclass(frozen=True)
class Pictures:
    """Three PNGs in base64."""

    combined: msgspec.Raw
    mask: msgspec.Raw
    overlay: msgspec.Raw

    @classmethod
    @cache
    def tiny(cls) -> "Pictures":
        return cls(*(_base64(png(2, 2, noisy_rows=2, seed=seed)) for seed in range(3)))

    @classmethod
    @cache
    def real_sized(cls) -> "Pictures":
        """As large as those of a 1792 × 1792 image: 6 MB, 13 kB and 3.5 MB."""
        return cls(
            combined=_base64(png(3584, 1792, noisy_rows=557, seed=0)),
            mask=_base64(png(1792, 1792, noisy_rows=1, seed=1)),
            overlay=_base64(png(1792, 1792, noisy_rows=650, seed=2)),
        )


def _base64(content: bytes) -> msgspec.Raw:
    return msgspec.Raw(b'"' + base64.b64encode(content) + b'"')


def png(width: int, height: int, *, noisy_rows: int, seed: int) -> bytes:
    """A valid RGB PNG: black below `noisy_rows` rows of noise, which no compression makes smaller."""
    noise = random.Random(seed)
    rows = (noise.randbytes(width * 3) if row < noisy_rows else bytes(width * 3) for row in range(height))
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def encoded(answer: object) -> bytes:
    return msgspec.json.encode(answer)


def region(number: int, width: int, height: int) -> Json:
    """The `number`th region, counted from 1, of an image of `width` × `height` pixels."""
    x, y = number % width, number % height
    box_width, box_height = min(8, width - x), min(6, height - y)
    return {
        "region_id": number,
        "centroid": {"x": x + (box_width - 1) / 2, "y": y + (box_height - 1) / 2},
        "bounding_box": {"x": x, "y": y, "width": box_width, "height": box_height},
        "area_pixels": box_width * box_height,
        "perimeter": 2.0 * (box_width + box_height),
        "major_axis": 8.0,
        "minor_axis": 6.0,
        "circularity": 0.77,
        "aspect_ratio": 1.33,
    }


def defect_class(class_id: int, regions: int, width: int, height: int) -> Json:
    listed = [region(number, width, height) for number in range(1, regions + 1)]
    area = sum(one["area_pixels"] for one in listed)
    return {"class_id": class_id, "total_regions": regions, "total_area_pixels": area, "regions": listed}


def current_answer(
    width: int, height: int, pictures: Pictures | None = None, regions: tuple[int, ...] = (5, 1, 1, 0)
) -> Json:
    """The contract's first form, with so many `regions` in each class."""
    pictures = pictures or Pictures.tiny()
    classes = {
        f"{class_id}_{name}": defect_class(class_id, count, width, height)
        for (class_id, name), count in zip(CLASSES, regions, strict=True)
    }
    return {
        "success": True,
        "filename": "image.png",
        "overlay_image": pictures.overlay,
        "combined_image": pictures.combined,
        "mask_image": pictures.mask,
        "total_defects": sum(regions),
        "processing_time": 0.7012,
        "timestamp": time.strftime("%Y%m%d_%H%M%S"),
        "analysis_results": {
            "image_shape": {"height": height, "width": width},
            "classes": classes,
            "performance": {"processing_time_seconds": 0.6743, "timestamp": "2026-02-25 10:30:45"},
        },
    }


def older_answer(width: int, height: int, pictures: Pictures | None = None) -> Json:
    """The older form: everything at the top level, class names without their numbers."""
    answer = current_answer(width, height, pictures)
    results = answer["analysis_results"]
    return {
        "img_unique_id": "20260225_103045_ab12",
        "image_shape": results["image_shape"],
        "processing_time": 0.6743,
        "classes": {key.partition("_")[2]: found for key, found in results["classes"].items()},
        "images": {
            "combined": answer["combined_image"],
            "mask": answer["mask_image"],
            "overlay": answer["overlay_image"],
        },
    }
