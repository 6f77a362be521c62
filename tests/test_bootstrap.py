"""The composition root: which URL chooses which adapter, and what is said where none can be chosen."""

from pathlib import Path

import pytest

from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.memory import MemoryDatabase, MemoryEngine, MemoryFileStore
from aoi.bootstrap import Application, analyse_mask, assemble, open_application, open_database, open_file_store
from aoi.domain.errors import AoiError, DatabaseUnavailable
from aoi.domain.image import IncomingImage
from aoi.domain.limits import Limits
from aoi.settings import InvalidSetting, Settings, read_settings
from sample_images import png
from segformer_stub import SegformerStub

pytestmark = pytest.mark.anyio
PASSWORD = "hunter2"


def settings_at(home: Path, **variables: str) -> Settings:
    return read_settings({"AOI_HOME": str(home), **{f"AOI_{name}": value for name, value in variables.items()}})


async def described(application: Application) -> str:
    return {part.name: part.detail for part in await application.check_readiness()}["engine"]


async def test_without_settings_everything_is_below_the_home(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    async with open_application(settings_at(home)) as application:
        assert (await described(application)).startswith("embedded path-opening")
        assert all(part.ready for part in await application.check_readiness())
        await application.upload_image(IncomingImage.from_bytes("board.png", png()))
    assert {path.name for path in home.iterdir()} >= {"aoi.db", "files"}


@pytest.mark.parametrize("sensitivity", ["low", "normal", "high"])
async def test_the_embedded_engine_takes_a_sensitivity(tmp_path: Path, sensitivity: str) -> None:
    settings = settings_at(tmp_path, INFERENCE_URL=f"embedded:?sensitivity={sensitivity}")
    async with open_application(settings) as application:
        inspection = await application.upload_image(IncomingImage.from_bytes("board.png", png()))
    assert inspection.findings is not None
    assert inspection.findings.engine.parameters["sensitivity"] == sensitivity


async def test_a_service_may_be_the_engine(tmp_path: Path) -> None:
    with SegformerStub() as stub:
        settings = settings_at(tmp_path, INFERENCE_URL=f"segformer+{stub.url}")
        async with open_application(settings) as application:
            assert (await described(application)).startswith("segformer-http")


@pytest.mark.parametrize(
    "url",
    [
        "embedded:?sensitivity=extreme",
        "embedded:?sensitivity=",
        "embedded:?speed=high",
        "embedded://host",
        "embedded:path",
        "embedded",
        "http://gpu-box:8080",
        "segformer+ftp://gpu-box",
        "onnx:/model.onnx",
        f"mqtt://aoi:{PASSWORD}@gpu-box",
    ],
)
async def test_a_wrong_engine_is_named_with_its_variable(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidSetting, match="AOI_INFERENCE_URL") as raised:
        async with open_application(settings_at(tmp_path / "home", INFERENCE_URL=url)):
            pass
    assert PASSWORD not in raised.value.detail
    assert not (tmp_path / "home").exists(), "nothing is made for settings that cannot be used"


@pytest.mark.parametrize(
    "url",
    [
        "segformer+http://",
        "segformer+http://gpu-box:port",
        f"segformer+http://aoi:{PASSWORD}@gpu-box:8080?tile=1",
        f"segformer+http://aoi:{PASSWORD}@[gpu-box",
        f"embedded://aoi:{PASSWORD}@host",
    ],
)
async def test_an_address_that_is_none_is_named_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidSetting, match="AOI_INFERENCE_URL") as raised:
        async with open_application(settings_at(tmp_path, INFERENCE_URL=url)):
            pass
    assert PASSWORD not in raised.value.detail


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/prefix", "/srv/files", "file:", "file://", "file://server/share", "files", f"ftp://aoi:{PASSWORD}@x"],
)
async def test_a_wrong_store_is_named_with_its_variable(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidSetting, match="AOI_STORAGE_URL") as raised:
        await open_file_store(settings_at(tmp_path, STORAGE_URL=url))
    assert PASSWORD not in raised.value.detail


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+asyncpg://aoi:{PASSWORD}@db/aoi",
        "sqlite:///aoi.db",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        "no URL at all",
        f"sqlite+aiosqlite://aoi:{PASSWORD}@[x",
    ],
)
async def test_a_wrong_database_is_named_with_its_variable(tmp_path: Path, url: str) -> None:
    with pytest.raises(AoiError, match="AOI_DATABASE_URL") as raised:
        async with open_database(settings_at(tmp_path, DATABASE_URL=url)):
            pass
    assert isinstance(raised.value, InvalidSetting | DatabaseUnavailable)
    assert PASSWORD not in raised.value.detail


async def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatabaseUnavailable):
        async with open_application(settings_at(tmp_path, DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/file/aoi.db")):
            pass


async def test_a_database_is_opened_as_it_is_found(tmp_path: Path) -> None:
    async with open_database(settings_at(tmp_path)) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.check()


async def test_an_application_may_be_made_of_any_adapters() -> None:
    database, files, engine = MemoryDatabase(), MemoryFileStore(), MemoryEngine()
    application = assemble(
        engine=engine,
        files=files,
        image_reader=DecodingImageReader(),
        unit_of_work=database.unit_of_work,
        database=database,
        limits=Limits(max_regions=7),
    )
    assert application.limits.max_regions == 7
    inspection = await application.upload_image(IncomingImage.from_bytes("board.png", png()))
    assert await application.read_inspection(inspection.id) == inspection
    assert engine.inspections == 1


def test_a_mask_is_measured_with_the_names_of_the_reference_model_or_others(shared_folder: Path) -> None:
    vectors = shared_folder / "vectors" / "regions"
    if not vectors.exists():
        pytest.skip("the test vectors are not here")
    mask = (vectors / "ellipses.png").read_bytes()
    assert [found.name for found in analyse_mask(mask).classes] == [
        "PI_Particle",
        "PR_Peeling",
        "Copper_Nodule",
        "Env_Particle",
    ]
    with pytest.raises(ValueError, match="mask"):
        analyse_mask(b"no mask")
