"""The tree of errors: each says what happened, has a stable code, and whether it can pass."""

from collections.abc import Iterator

import pytest

from aoi.domain.errors import AoiError, ImageRejected, InferenceFailed, UploadRejected


def below(kind: type[AoiError]) -> Iterator[type[AoiError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


ERRORS = [kind for kind in below(AoiError) if kind.__module__ == "aoi.domain.errors"]
every_error = pytest.mark.parametrize("kind", ERRORS)


@every_error
def test_an_error_says_what_its_docstring_says(kind: type[AoiError]) -> None:
    error = kind()
    assert error.detail == str(error) == kind.__doc__
    assert "\n" not in error.detail
    assert error.detail.endswith(".")


@every_error
def test_an_error_says_what_it_is_told_to(kind: type[AoiError]) -> None:
    error = kind("The disk is on fire.", retry_after=3.5)
    assert (error.detail, str(error), error.retry_after) == ("The disk is on fire.", "The disk is on fire.", 3.5)
    assert error.inspection_id is None


def test_codes_are_those_that_are_stored_and_published() -> None:
    assert {kind.code: kind.retryable for kind in ERRORS} == {
        "error": False,
        "upload-rejected": False,
        "invalid-filename": False,
        "invalid-labels": False,
        "upload-interrupted": True,
        "image-rejected": False,
        "empty-image": False,
        "unsupported-media-type": False,
        "image-too-large": False,
        "too-many-pixels": False,
        "corrupt-image": False,
        "several-frames": False,
        "unsupported-pixels": False,
        "inference-failed": True,
        "engine-unavailable": True,
        "engine-timed-out": True,
        "engine-refused": True,
        "engine-failed": True,
        "invalid-engine-answer": True,
        "too-many-regions": True,
        "repeatedly-interrupted": True,
        "storage-unavailable": True,
        "storage-full": True,
        "file-missing": False,
        "database-unavailable": True,
        "inspection-not-found": False,
        "inspection-not-failed": False,
        "inspection-changed": False,
    }
    assert len(ERRORS) == len({kind.code for kind in ERRORS})


def test_a_rejection_is_never_mistaken_for_a_failure_of_the_engine() -> None:
    assert issubclass(ImageRejected, UploadRejected)
    assert not set(below(UploadRejected)) & set(below(InferenceFailed))
