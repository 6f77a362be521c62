"""The second half of an upload: its findings, or the reason why there are none; and nobody's pictures but its own."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import anyio.lowlevel
import pytest

from aoi.adapters.memory_engine import MemoryEngine
from aoi.domain import errors
from aoi.domain.defects import Detection, PictureKind
from aoi.domain.errors import AoiError, InspectionChanged, InspectionNotFailed, InspectionNotFound
from aoi.domain.image import StoredImage
from aoi.domain.inspection import Failure, State
from aoi.domain.limits import Limits
from aoi.domain.version import aoi_version
from aoi.testing.examples import an_inspection
from domain.world import VOIDS, World, picture_keys
from faults import cancelling, raising

pytestmark = pytest.mark.anyio

FIRST_PICTURE_WRITTEN = ["engine.done", "files.write", "files.written"].index("files.written")
"""Counted from within the engine."""


class InterferingEngine(MemoryEngine):
    """While it looks at its first image, something happens."""

    def __init__(self, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__([VOIDS])
        self._happens = happens

    async def inspect(self, image: StoredImage) -> Detection:
        detection = await super().inspect(image)
        if self.inspections == 1:
            await self._happens()
        return detection


async def moment_of(nth: int, name: str) -> int:
    """When that happens for the nth time in an upload in which nothing goes wrong."""
    world = World()
    await world.upload(world.image())
    return [moment for moment, one in enumerate(world.moments.names) if one == name][nth - 1]


async def test_an_inspected_image_has_its_findings_its_pictures_and_what_made_them() -> None:
    world = World()
    inspection = await world.upload(world.image())
    assert inspection.state is State.INSPECTED
    findings = inspection.findings
    assert findings is not None
    assert findings.analysis.classes == (VOIDS,)
    assert findings.engine.name == "memory"
    assert findings.engine.aoi_version == aoi_version()
    assert await world.keys() == {inspection.file_key, *picture_keys(inspection)}
    for kind, picture in findings.pictures.items():
        assert picture.key == inspection.picture_key(kind)
        assert picture.size_bytes == await world.store.size(picture.key)
        assert len(picture.sha256 or "") == 64


@pytest.mark.parametrize("error", [errors.EngineUnavailable("No GPU."), errors.TooManyRegions()])
async def test_a_failure_of_the_engine_keeps_the_upload_with_its_reason(error: AoiError) -> None:
    world = World()
    world.memory_engine.error = error
    inspection = await world.upload(world.image())
    assert inspection == await world.row()
    assert (inspection.state, inspection.failure) == (State.FAILED, Failure(error.code, error.detail, retryable=True))
    assert await world.keys() == {inspection.file_key}


@pytest.mark.parametrize("error", [errors.StorageFull(), errors.StorageUnavailable()])
@pytest.mark.parametrize("picture", [2, 3, 4])
@pytest.mark.parametrize("moment", ["files.write", "files.written"])
async def test_a_picture_that_cannot_be_stored_takes_the_others_with_it(
    moment: str, picture: int, error: AoiError
) -> None:
    world = World()
    world.moments.arm(await moment_of(picture, moment), raising(error))
    inspection = await world.upload(world.image())
    assert inspection.failure is not None
    assert inspection.failure.code == error.code
    assert await world.keys() == {inspection.file_key}


async def test_a_failed_inspection_is_retried_as_often_as_it_takes() -> None:
    world = World()
    world.memory_engine.error = errors.EngineFailed()
    failed = await world.upload(world.image())
    assert (await world.retry(failed.id)).attempt == 2
    world.memory_engine.error = None
    inspection = await world.retry(failed.id)
    assert (inspection.state, inspection.attempt, inspection.failure) == (State.INSPECTED, 3, None)
    await world.assert_consistent()


@pytest.mark.parametrize("state", [state for state in State if state is not State.FAILED])
async def test_only_a_failed_inspection_is_retried(state: State) -> None:
    world = World()
    inspection = await world.record(an_inspection(state))
    with pytest.raises(InspectionNotFailed, match=f"is {state}"):
        await world.retry(inspection.id)
    assert await world.row() == inspection


async def test_what_is_not_there_is_not_retried() -> None:
    with pytest.raises(InspectionNotFound):
        await World().retry("20261122_093015_0")


async def test_two_retries_at_once_inspect_once() -> None:
    world = World()
    world.memory_engine.error = errors.EngineFailed()
    failed = await world.upload(world.image())
    world.memory_engine.error, world.memory_engine.inspections = None, 0
    refused: list[AoiError] = []

    async def retry() -> None:
        try:
            await world.retry(failed.id)
        except (InspectionChanged, InspectionNotFailed) as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(retry)
        tasks.start_soon(retry)
    assert (len(refused), world.memory_engine.inspections) == (1, 1)
    await world.assert_consistent()


async def test_an_error_of_a_retry_names_its_inspection() -> None:
    world = World()
    failed = await world.record(an_inspection(State.FAILED))
    error = errors.DatabaseUnavailable()
    names = await moments_of_a_retry()
    world.moments.arm(names.index("rows.replace", names.index("engine.done")), raising(error))
    with pytest.raises(errors.DatabaseUnavailable):
        await world.retry(failed.id)
    assert error.inspection_id == failed.id


async def moments_of_a_retry() -> list[str]:
    """Those of one in which nothing goes wrong."""
    world = World()
    failed = await world.record(an_inspection(State.FAILED))
    await world.retry(failed.id)
    return world.moments.names


async def test_a_record_that_another_program_left_without_facts_fails_for_good() -> None:
    world = World()
    failed = await world.record(replace(an_inspection(State.FAILED), facts=None))
    inspection = await world.retry(failed.id)
    assert inspection.failure is not None
    assert (inspection.failure.code, inspection.failure.retryable) == ("file-missing", False)


async def test_an_upload_whose_file_is_missing_fails_for_good() -> None:
    world = World()
    failed = await world.record(an_inspection(State.FAILED))
    await world.store.delete([failed.file_key])
    inspection = await world.retry(failed.id)
    assert (inspection.failure and inspection.failure.code) == "file-missing"


async def test_a_slow_attempt_overwrites_nothing_and_deletes_no_pictures_but_its_own() -> None:
    world = World()
    world.other_engine = InterferingEngine(world.resume_later)
    with pytest.raises(InspectionChanged) as caught:
        await world.upload(world.image())
    row = await world.row()
    assert caught.value.inspection_id == row.id
    assert (row.state, row.attempt, row.interruptions) == (State.INSPECTED, 2, 1)
    await world.assert_consistent()


async def test_a_slow_attempt_at_what_is_deleted_leaves_no_picture() -> None:
    world = World()

    async def resume_and_delete() -> None:
        await world.resume_later()
        await world.delete(await world.row())

    world.other_engine = InterferingEngine(resume_and_delete)
    with pytest.raises(InspectionChanged):
        await world.upload(world.image())
    assert await world.keys() == frozenset()


async def test_a_slow_attempt_that_is_cancelled_deletes_its_pictures_too() -> None:
    world = World()

    async def resume_and_be_cancelled() -> None:
        await world.resume_later()
        world.moments.arm(FIRST_PICTURE_WRITTEN, cancelling(scope))

    with anyio.CancelScope() as scope:
        world.other_engine = InterferingEngine(resume_and_be_cancelled)
        await world.upload(world.image())
    assert scope.cancelled_caught
    assert (await world.row()).attempt == 2
    await world.assert_consistent()


async def test_a_slow_attempt_that_is_cancelled_after_its_image_was_deleted_leaves_no_picture() -> None:
    world = World()

    async def resume_and_delete() -> None:
        await world.resume_later()
        await world.delete(await world.row())
        world.moments.arm(FIRST_PICTURE_WRITTEN, cancelling(scope))

    with anyio.CancelScope() as scope:
        world.other_engine = InterferingEngine(resume_and_delete)
        await world.upload(world.image())
    assert scope.cancelled_caught
    assert await world.keys() == frozenset()


async def test_a_cancelled_attempt_that_cannot_ask_who_has_its_image_says_so(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    steps = ["engine.done", "unit.begin", "rows.replace", "unit.ended", "unit.begin", "rows.get", "unit.ended"]

    async def resume_and_cancel() -> None:
        await world.resume_later()
        world.moments.arm(steps.index("rows.get"), raising(errors.DatabaseUnavailable()))
        scope.cancel()
        await anyio.lowlevel.checkpoint()

    with anyio.CancelScope() as scope:
        world.other_engine = InterferingEngine(resume_and_cancel)
        await world.upload(world.image())
    assert world.moments.names == steps[1:]
    assert "may be stored that are not needed" in caplog.text


async def test_a_commit_that_took_effect_before_it_failed_keeps_the_pictures_that_its_row_names() -> None:
    world = World()
    world.moments.arm(await moment_of(4, "unit.committed"), raising(errors.DatabaseUnavailable()))
    with pytest.raises(errors.DatabaseUnavailable) as caught:
        await world.upload(world.image())
    assert caught.value.inspection_id == (await world.row()).id
    await world.assert_consistent()


async def test_a_commit_that_took_effect_before_it_was_cancelled_keeps_the_pictures_that_its_row_names() -> None:
    world = World()
    with anyio.CancelScope() as scope:
        world.moments.arm(await moment_of(4, "unit.committed"), cancelling(scope))
        await world.upload(world.image())
    assert scope.cancelled_caught
    assert (await world.row()).state is State.INSPECTED
    await world.assert_consistent()


async def test_an_attempt_that_cannot_be_given_back_is_taken_up_when_its_lease_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()

    async def cancel_without_a_database() -> None:
        world.moments.arm(0, raising(errors.DatabaseUnavailable()))
        scope.cancel()
        await anyio.lowlevel.checkpoint()

    with anyio.CancelScope() as scope:
        world.other_engine = InterferingEngine(cancel_without_a_database)
        await world.upload(world.image())
    assert "could not be given back" in caplog.text
    assert (await world.row()).state is State.INSPECTING
    assert (await world.resume_later()).inspected == 1
    await world.assert_consistent()


async def test_pictures_of_older_attempts_are_gone_when_a_later_one_succeeds() -> None:
    world = World()
    failed = await world.record(an_inspection(State.FAILED))
    await world.store_pictures(replace(failed, attempt=1))
    await world.store_pictures(failed)
    inspection = await world.retry(failed.id)
    assert inspection.attempt == 3
    await world.assert_consistent()


async def test_files_of_nobodys_below_an_inspection_stop_no_clean_up() -> None:
    world = World()
    failed = await world.record(an_inspection(State.FAILED))
    await world.store_pictures(failed)
    stray = f"{failed.results_prefix}Thumbs.db"
    await world.store.write(stray, world.image().content)
    inspection = await world.retry(failed.id)
    assert await world.keys() == {stray, inspection.file_key, *picture_keys(inspection)}


async def test_pictures_that_cannot_be_deleted_are_logged_and_cost_no_result(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    failed = await world.record(an_inspection(State.FAILED))
    await world.store_pictures(failed)
    names = await moments_of_a_retry()
    world.moments.arm(names.index("files.list"), raising(errors.StorageUnavailable()))
    assert (await world.retry(failed.id)).state is State.INSPECTED
    assert "still stored" in caplog.text
    await world.assert_consistent(older_pictures_may_be_left=True)


async def test_a_lease_is_renewed_while_the_engine_works() -> None:
    world = World(Limits(lease_seconds=0.06))
    world.memory_engine.delay = 0.2
    await world.upload(world.image())
    assert world.moments.names.count("rows.renew") >= 3


async def test_an_attempt_is_called_off_as_soon_as_it_is_seen_that_somebody_took_it_over() -> None:
    world = World(Limits(lease_seconds=0.06))
    ended: list[bool] = []

    async def be_taken_over_and_hang() -> None:
        await world.taken_over(await world.row())
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(True)

    world.other_engine = InterferingEngine(be_taken_over_and_hang)
    with anyio.fail_after(5), pytest.raises(InspectionChanged):
        await world.upload(world.image())
    assert ended == [True]
    assert {kind: await _is_stored(world, kind) for kind in PictureKind} == dict.fromkeys(PictureKind, False)


async def _is_stored(world: World, kind: PictureKind) -> bool:
    return (await world.row()).picture_key(kind) in await world.keys()


async def test_an_upload_that_somebody_claimed_before_it_could_is_theirs() -> None:
    world = World()

    async def take_over() -> None:
        world.moments.disarm()
        await world.resume_later()

    world.moments.arm(await moment_of(2, "unit.ended"), take_over)
    with pytest.raises(InspectionChanged) as caught:
        await world.upload(world.image())
    assert caught.value.inspection_id == (await world.row()).id
    assert world.memory_engine.inspections == 1
    await world.assert_consistent()
