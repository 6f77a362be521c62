"""Every AOI_* variable: what it means, what it may be, and what is said where it is wrong."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from aoi.domain.limits import Limits
from aoi.settings import InvalidSetting, Settings, read_settings, variable_of

GIVEN: dict[str, tuple[str, Any]] = {
    "home": ("/srv/aoi", "/srv/aoi"),
    "inference_url": ("segformer+http://gpu-box:8080", "segformer+http://gpu-box:8080"),
    "storage_url": ("file:///srv/files", "file:///srv/files"),
    "database_url": ("sqlite+aiosqlite:////srv/aoi.db", "sqlite+aiosqlite:////srv/aoi.db"),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("8080", 8080),
    "trusted_proxies": ("10.0.0.0/8, ::1", "10.0.0.0/8, ::1"),
    "max_requests": ("7", 7),
    "shutdown_seconds": ("0", 0),
    "max_image_mb": ("0.5", 0.5),
    "max_image_megapixels": ("12", 12.0),
    "max_regions": ("1000", 1000),
    "decode_concurrency": ("2", 2),
    "inference_concurrency": ("1", 1),
    "inference_timeout": ("2.5", 2.5),
    "inference_attempts": ("1", 1),
    "inference_deadline": ("60", 60.0),
    "max_answer_mb": ("16", 16.0),
    "lease_seconds": ("5", 5.0),
    "log_level": ("DEBUG", "debug"),
}
BAD = {
    "AOI_PORT": ("65536", "-1", "http", "80.5", "8000 "),
    "AOI_MAX_REQUESTS": ("0", "many"),
    "AOI_SHUTDOWN_SECONDS": ("-1", "1.5"),
    "AOI_MAX_IMAGE_MB": ("0", "-5", "50MB", "nan", "inf"),
    "AOI_MAX_IMAGE_MEGAPIXELS": ("0", "lots", "inf"),
    "AOI_MAX_REGIONS": ("0", "all"),
    "AOI_DECODE_CONCURRENCY": ("0",),
    "AOI_INFERENCE_CONCURRENCY": ("0", "-1"),
    "AOI_INFERENCE_TIMEOUT": ("0", "30s", "nan"),
    "AOI_INFERENCE_ATTEMPTS": ("0", "21"),
    "AOI_INFERENCE_DEADLINE": ("0", "nan"),
    "AOI_MAX_ANSWER_MB": ("0", "inf"),
    "AOI_LEASE_SECONDS": ("0", "nan"),
    "AOI_LOG_LEVEL": ("loud", "trace"),
}
NAMES = [field.name for field in msgspec.structs.fields(Settings)]


def test_every_setting_is_tested() -> None:
    assert list(GIVEN) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_sets_its_field(name: str) -> None:
    text, value = GIVEN[name]
    settings = read_settings({variable_of(name): text})
    assert getattr(settings, name) == value
    assert msgspec.structs.replace(settings, **{name: getattr(Settings(), name)}) == Settings()


def test_without_variables_everything_is_embedded() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert settings.inference_url == "embedded:"
    assert (settings.host, settings.port, settings.trusted_proxies) == ("127.0.0.1", 8000, "")
    assert settings.home_folder == Path("aoi-data").resolve()
    assert settings.effective_storage_url == f"file:{Path('aoi-data/files').resolve().as_posix()}"
    assert settings.effective_database_url == f"sqlite+aiosqlite:///{Path('aoi-data/aoi.db').resolve().as_posix()}"


def test_the_defaults_are_those_of_the_limits() -> None:
    assert Settings().limits == Limits()


def test_the_limits_are_what_the_variables_say() -> None:
    settings = read_settings({variable_of(name): text for name, (text, _) in GIVEN.items()})
    assert settings.limits == Limits(
        max_image_bytes=524_288, max_regions=1000, inference_concurrency=1, inference_deadline=60, lease_seconds=5
    )
    assert settings.effective_storage_url == "file:///srv/files"
    assert settings.effective_database_url == "sqlite+aiosqlite:////srv/aoi.db"


def test_an_empty_variable_and_those_of_others_count_as_not_set() -> None:
    assert read_settings({"AOI_PORT": "", "AOI_HOME": "", "PATH": "/bin", "aoi_port": "1"}) == Settings()


def test_the_home_may_begin_with_a_tilde() -> None:
    assert read_settings({"AOI_HOME": "~/aoi"}).home_folder == Path.home().resolve() / "aoi"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_wrong_value_is_named_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as raised:
        read_settings({name: value})
    assert raised.value.detail.startswith(f"{name} is {value!r}: ")
    assert raised.value.detail.endswith("Correct it, or unset it.")


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("AOI_INFERENCE_URI", "AOI_INFERENCE_URL"), ("AOI_PROT", "AOI_PORT"), ("AOI_MAX_IMAGE_MBS", "AOI_MAX_IMAGE_MB")],
)
def test_a_misspelt_variable_is_told_the_right_one(typo: str, meant: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{typo} is not a setting of aoi. Did you mean {meant}\\?"):
        read_settings({typo: "x"})


def test_an_unknown_variable_is_told_all_settings() -> None:
    with pytest.raises(InvalidSetting) as raised:
        read_settings({"AOI_ZZZZZZ": "x"})
    assert all(variable_of(name) in raised.value.detail for name in NAMES)


def test_every_setting_is_described() -> None:
    schema = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    assert all(setting["description"] for setting in schema.values())
