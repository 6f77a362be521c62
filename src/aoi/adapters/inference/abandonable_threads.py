"""Blocking work in threads that cannot be stopped, for callers that can."""

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import anyio.to_thread

Result = TypeVar("Result")

SECONDS_BETWEEN_LOOKS = 0.02


class AbandonableThreads:
    """Places for `capacity` callers, each with one thread to work in.

    A cancelled caller goes at once; its thread cannot be stopped, so the place stays taken until the thread has ended.
    """

    def __init__(self, capacity: int) -> None:
        self._callers = anyio.CapacityLimiter(capacity)
        self._capacity = capacity
        self._taken = 0
        self._lock = threading.Lock()

    @asynccontextmanager
    async def place(self) -> AsyncGenerator["Place"]:
        """Wait for a place, and give it up on leaving."""
        async with self._callers:
            while not self._take():  # noqa: ASYNC110 - a thread left behind may outlive its loop: it can wake nobody
                await anyio.sleep(SECONDS_BETWEEN_LOOKS)
            place = Place(self._free)
            try:
                yield place
            finally:
                place.leave()

    def _take(self) -> bool:
        with self._lock:
            is_free = self._taken < self._capacity
            self._taken += is_free
        return is_free

    def _free(self) -> None:
        with self._lock:
            self._taken -= 1


class Place:
    """Room for one thread. It is freed by whoever goes last: the caller, or the thread that it left behind."""

    def __init__(self, free: Callable[[], None]) -> None:
        self._free = free
        self._lock = threading.Lock()
        self._is_working = False
        self._is_left = False

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises; it is called in a thread. Returns at once when cancelled."""
        limiter = anyio.CapacityLimiter(1)  # of its own: the place itself is the limit
        return await anyio.to_thread.run_sync(self._work, work, abandon_on_cancel=True, limiter=limiter)

    def leave(self) -> None:
        """The caller goes; work that has not begun never will."""
        with self._lock:
            self._is_left = True
            is_last = not self._is_working
        if is_last:
            self._free()

    def _work(self, work: Callable[[], Result]) -> Result:
        self._begin()
        try:
            return work()
        finally:
            self._end()

    def _begin(self) -> None:
        with self._lock:
            if self._is_left:
                raise RuntimeError("The caller left before its work began.")
            self._is_working = True

    def _end(self) -> None:
        with self._lock:
            self._is_working = False
            is_last = self._is_left
        if is_last:
            self._free()
