"""Whether aoi can serve: its database, its storage and its engine, asked at once."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from aoi.domain.errors import AoiError
from aoi.domain.ports import Checkable, FileStore, InferenceEngine

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PartReadiness:
    """One part: `milliseconds` it took to answer, `detail` what it is or why it cannot serve."""

    name: str
    ready: bool
    milliseconds: float
    detail: str


@dataclass(frozen=True, slots=True)
class CheckReadiness:
    """Asks every part, each for at most `patience` seconds. Raises nothing: what is wrong stands in the answer."""

    database: Checkable
    files: FileStore
    engine: InferenceEngine
    patience: float = 5.0

    async def __call__(self) -> tuple[PartReadiness, ...]:
        answers: dict[str, PartReadiness] = {}

        async def ask(name: str, question: Callable[[], Awaitable[str]]) -> None:
            answers[name] = await self._ask(name, question)

        questions = {"database": self._database, "storage": self._storage, "engine": self._engine}
        async with anyio.create_task_group() as tasks:
            for name, question in questions.items():
                tasks.start_soon(ask, name, question)
        return tuple(answers[name] for name in questions)

    async def _ask(self, name: str, question: Callable[[], Awaitable[str]]) -> PartReadiness:
        started = time.perf_counter()
        try:
            with anyio.fail_after(self.patience):
                ready, detail = True, await question()
        except AoiError as error:
            ready, detail = False, error.detail
        except TimeoutError:
            ready, detail = False, f"The {name} did not answer within {self.patience:g} seconds."
        except Exception:
            logger.exception("The %s failed when it was asked whether it is ready.", name)
            ready, detail = False, f"The {name} failed when it was asked. Look at aoi's log."
        return PartReadiness(name, ready, round((time.perf_counter() - started) * 1000, 1), detail)

    async def _database(self) -> str:
        await self.database.check()
        return "answers"

    async def _storage(self) -> str:
        await self.files.check()
        return "writes, reads and deletes"

    async def _engine(self) -> str:
        info = await self.engine.describe()
        return " ".join(part for part in (info.name, info.model, info.version, info.device) if part)
