"""aoi without a server, a database or a disk: its use case, on adapters of your own choice.

python examples/embed.py board.png [http://gpu-box:8080]
"""

import sys

import anyio

from aoi import IncomingImage, Inspection, Labels, UploadImage
from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.inference.embedded import EmbeddedEngine
from aoi.adapters.inference.segformer_http import SegFormerHttp
from aoi.adapters.memory import MemoryDatabase, MemoryFileStore


async def inspect(path: str, service: str | None) -> Inspection:
    """Inspect one image file, with the SegFormer service at `service` or with the embedded engine."""
    upload_image = UploadImage(
        engine=SegFormerHttp(service) if service else EmbeddedEngine(),
        files=MemoryFileStore(),
        image_reader=DecodingImageReader(),
        unit_of_work=MemoryDatabase().unit_of_work,
    )
    return await upload_image(IncomingImage.from_path(path, Labels(lot_id="L-2026-117")))


async def main() -> None:
    inspection = await inspect(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    if inspection.findings is None:
        print(inspection.state, inspection.failure)
        return
    print(inspection.state, inspection.findings.total_defects)
    for found in inspection.findings.analysis.classes:
        print(f"{found.name}: {found.total_regions} regions, {found.total_area_pixels} pixels")


if __name__ == "__main__":
    anyio.run(main)
