"""When a failed try is worth another one, and how long to wait for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import stamina

from aoi.domain.errors import EngineFailed, EngineTimedOut, EngineUnavailable

JITTER = 0.25
"""The most that chance adds to the first wait, as a share of it: images that failed together do not return together."""


@dataclass(frozen=True, slots=True)
class Retries:
    """Tries of at most `timeout` seconds each, at most `attempts` of them, all within `deadline` seconds.

    The first wait is `backoff` seconds, each further one twice the one before, and longer where the service asks for
    it. A wait that would go beyond the deadline is not begun: the failure is told at once.
    """

    timeout: float
    attempts: int
    deadline: float
    backoff: float

    async def run(self, try_once: Callable[[], Awaitable[bytes]]) -> bytes:
        """The first answer. Raises what the last try raised; `EngineTimedOut` where that was cut off."""
        ends = anyio.current_time() + self.deadline
        jitter = self.backoff * JITTER
        next_wait = 0.0
        answer = b""

        def wait(error: Exception) -> bool | float:
            return _wait(error, next_wait, ends - anyio.current_time() - jitter)

        tries = stamina.retry_context(
            on=wait,
            attempts=self.attempts,
            timeout=None,
            wait_initial=self.backoff,
            wait_max=self.deadline,
            wait_jitter=jitter,
        )
        async for attempt in tries:
            next_wait = attempt.next_wait
            with attempt:
                answer = await self._try(try_once, ends)
        return answer

    async def _try(self, try_once: Callable[[], Awaitable[bytes]], ends: float) -> bytes:
        seconds = min(self.timeout, ends - anyio.current_time())
        with anyio.move_on_after(seconds):
            return await try_once()
        setting = "AOI_INFERENCE_TIMEOUT" if seconds == self.timeout else "AOI_INFERENCE_DEADLINE"
        raise EngineTimedOut(
            f"The engine did not answer within {seconds:.3g} seconds. Check its load, or raise {setting}, then retry."
        )


def _wait(error: Exception, own: float, left: float) -> bool | float:
    """Whether to try again: `True` after our own wait, a number after so many seconds, `False` not at all.

    Cancellation comes here too. What the service refused, or answered wrongly, it would refuse or answer again.
    """
    if not isinstance(error, EngineTimedOut | EngineUnavailable | EngineFailed):
        return False
    asked = error.retry_after or 0.0
    if max(asked, own) >= left:
        return False
    return asked if asked > own else True
