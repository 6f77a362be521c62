"""A cancelled caller goes at once; its thread keeps its place until it has ended."""

import threading
from collections.abc import Callable, Iterator

import anyio
import pytest

from aoi.adapters.inference.abandonable_threads import AbandonableThreads, Place

pytestmark = pytest.mark.anyio

PATIENCE = 10.0


class Work:
    """Blocks its thread until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        self.may_end.wait(PATIENCE)
        return "done"


@pytest.fixture
def work() -> Iterator[Work]:
    blocking = Work()
    yield blocking
    blocking.may_end.set()


async def worked(threads: AbandonableThreads, work: Callable[[], str]) -> str:
    async with threads.place() as place:
        return await place.run(work)


async def abandoned(threads: AbandonableThreads, work: Work) -> None:
    """Begins the work and is cancelled in the midst of it."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worked, threads, work)
        while not work.begun.is_set():  # noqa: ASYNC110 - a thread sets it
            await anyio.sleep(0.001)
        tasks.cancel_scope.cancel()


async def test_the_result_of_the_work_is_returned() -> None:
    assert await worked(AbandonableThreads(1), lambda: "done") == "done"


async def test_what_the_work_raises_is_raised_and_the_place_is_free_again() -> None:
    threads = AbandonableThreads(1)
    with pytest.raises(ZeroDivisionError):
        await worked(threads, lambda: str(1 // 0))
    with anyio.fail_after(PATIENCE):
        assert await worked(threads, lambda: "done") == "done"


async def test_no_more_callers_than_places_are_let_in() -> None:
    threads = AbandonableThreads(2)
    inside: list[int] = []

    async def stay() -> None:
        async with threads.place():
            inside.append(1)
            assert len(inside) <= 2
            await anyio.sleep(0.01)
            inside.pop()

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(stay)


async def test_a_cancelled_caller_goes_at_once(work: Work) -> None:
    with anyio.fail_after(PATIENCE / 2):
        await abandoned(AbandonableThreads(1), work)
    assert not work.may_end.is_set()


async def test_a_thread_that_was_left_behind_keeps_its_place_until_it_ends(work: Work) -> None:
    threads = AbandonableThreads(1)
    await abandoned(threads, work)
    with anyio.move_on_after(0.2) as waiting:
        await worked(threads, lambda: "too early")
    assert waiting.cancelled_caught
    work.may_end.set()
    with anyio.fail_after(PATIENCE):
        assert await worked(threads, lambda: "done") == "done"


async def test_the_other_places_stay_open(work: Work) -> None:
    threads = AbandonableThreads(2)
    await abandoned(threads, work)
    with anyio.fail_after(PATIENCE):
        assert await worked(threads, lambda: "done") == "done"


async def test_work_that_fails_after_it_was_left_frees_its_place(work: Work) -> None:
    threads = AbandonableThreads(1)

    class Failing(Work):
        def __call__(self) -> str:
            super().__call__()
            raise ZeroDivisionError

    failing = Failing()
    await abandoned(threads, failing)
    failing.may_end.set()
    with anyio.fail_after(PATIENCE):
        assert await worked(threads, lambda: "done") == "done"


async def test_a_caller_that_is_cancelled_before_it_has_a_thread_frees_its_place() -> None:
    threads = AbandonableThreads(1)
    with anyio.CancelScope() as scope:
        async with threads.place() as place:
            scope.cancel()
            await place.run(lambda: "never")
    assert scope.cancelled_caught
    with anyio.fail_after(PATIENCE):
        assert await worked(threads, lambda: "done") == "done"


async def test_work_does_not_begin_in_a_place_that_was_left() -> None:
    freed: list[str] = []
    place = Place(lambda: freed.append("free"))
    place.leave()
    with pytest.raises(RuntimeError, match="left before its work began"):
        await place.run(lambda: "never")
    assert freed == ["free"]


async def test_many_cancelled_at_any_moment_leave_all_places_free() -> None:
    threads = AbandonableThreads(2)
    for number in range(60):
        with anyio.move_on_after(number % 6 / 2000):
            await worked(threads, lambda: str(threading.Event().wait(0.002)))
    both = threading.Barrier(2)

    def meet() -> str:
        return str(both.wait(PATIENCE))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(worked, threads, meet)
            tasks.start_soon(worked, threads, meet)
