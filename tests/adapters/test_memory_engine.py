import io

import pytest
from PIL import Image

from aoi.adapters.memory_engine import MemoryEngine
from aoi.domain.defects import BoundingBox, DefectClass, PictureKind, Region
from aoi.domain.errors import EngineUnavailable
from aoi.domain.image import StoredImage
from aoi.domain.ports import InferenceEngine
from aoi.testing.engine import EngineContract, stored_png

pytestmark = pytest.mark.anyio

SCRATCH = DefectClass(
    class_id=7,
    name="Scratch",
    total_area_pixels=12,
    regions=(Region(1, 11.5, 21.0, BoundingBox(10, 20, 4, 3), 12, 14.0, 4.0, 3.0, 0.8, 1.33),),
)


class TestMemoryEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> InferenceEngine:
        return MemoryEngine([SCRATCH])


async def test_it_finds_what_it_was_told_to() -> None:
    engine = MemoryEngine([SCRATCH])
    detection = await engine.inspect(stored_png(64, 48))
    assert detection.analysis.classes == (SCRATCH,)
    assert engine.inspections == 1


async def test_its_pictures_are_pngs_of_the_image_s_size() -> None:
    image: StoredImage = stored_png(61, 48)
    detection = await MemoryEngine().inspect(image)
    for kind in PictureKind:
        with Image.open(io.BytesIO(detection.pictures[kind])) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("PNG", (61, 48))


async def test_it_fails_as_it_is_told_and_recovers() -> None:
    engine = MemoryEngine(error=EngineUnavailable())
    with pytest.raises(EngineUnavailable):
        await engine.inspect(stored_png(8, 8))
    with pytest.raises(EngineUnavailable):
        await engine.describe()
    engine.error = None
    assert (await engine.inspect(stored_png(8, 8))).analysis.total_defects == 0
