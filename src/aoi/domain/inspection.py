"""One image's inspection and its states.

    receiving -> received -> inspecting -> inspected | failed
    inspecting -> received (given back) ; failed -> inspecting (a retry)
    receiving | inspected | failed -> deleting -> gone

A state that somebody works in carries a lease. Whoever finds a lease expired may take the work over; every change is
compare-and-set on (id, state, attempt), so whoever lost a lease cannot overwrite what came after it.
"""

import dataclasses
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from aoi.domain.defects import Findings, PictureKind
from aoi.domain.errors import AoiError, InspectionChanged, InspectionNotFailed
from aoi.domain.image import ImageFacts, ImageFormat, Labels

INTERRUPTIONS_BEFORE_POISON = 3


class State(StrEnum):
    """What becomes of an image; `receiving` is not acknowledged yet, `deleting` is on its way out."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    INSPECTING = "inspecting"
    INSPECTED = "inspected"
    FAILED = "failed"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an inspection failed: the error's stable code, its sentence, and whether a retry can help."""

    code: str
    detail: str
    retryable: bool
    retry_after: float | None = field(default=None, compare=False)
    """Seconds, as the engine said them; known to whoever waited for it, and not recorded."""

    @classmethod
    def from_error(cls, error: AoiError) -> "Failure":
        return cls(error.code, error.detail, error.retryable, error.retry_after)


def new_inspection_id(now: datetime) -> str:
    """`YYYYMMDD_HHMMSS_` in UTC and 80 random bits in hex: sorts by time, never collides."""
    return f"{now.astimezone(UTC):%Y%m%d_%H%M%S}_{secrets.token_hex(10)}"


@dataclass(frozen=True, slots=True)
class Inspection:
    """The record of one image. All times are UTC.

    `attempt` counts how often somebody began to work on it; `interruptions` counts those attempts since the last retry
    that ended with their process. `facts` are unknown while receiving, and in records adopted from another program.
    """

    id: str
    state: State
    filename: str
    file_key: str
    created_at: datetime
    changed_at: datetime
    lease_until: datetime | None
    labels: Labels = dataclasses.field(default_factory=Labels)
    facts: ImageFacts | None = None
    attempt: int = 0
    interruptions: int = 0
    findings: Findings | None = None
    failure: Failure | None = None

    @classmethod
    def receiving(cls, filename: str, image_format: ImageFormat, now: datetime, lease_until: datetime) -> "Inspection":
        """A new record, made before the first byte is stored."""
        identity = new_inspection_id(now)
        key = f"uploads/{identity[:8]}/{identity}/original.{image_format.extension}"
        return cls(identity, State.RECEIVING, filename, key, now, now, lease_until)

    @property
    def results_prefix(self) -> str:
        """Below it lie the pictures of every attempt."""
        return f"results/{self.id[:8]}/{self.id}/"

    def picture_key(self, kind: PictureKind) -> str:
        """Where this attempt keeps its picture of that kind."""
        return f"{self.results_prefix}{self.attempt}/{kind}.png"

    def is_past(self, picture_key: str) -> bool:
        """Whether what lies below `results_prefix` is a picture of this attempt or of an older one."""
        attempt = picture_key.removeprefix(self.results_prefix).partition("/")[0]
        return attempt.isdecimal() and int(attempt) <= self.attempt

    @property
    def is_poison(self) -> bool:
        """Whether so many attempts have ended with their process that no engine is set on it again."""
        return self.interruptions >= INTERRUPTIONS_BEFORE_POISON

    def received(self, facts: ImageFacts, labels: Labels, now: datetime, lease_until: datetime) -> "Inspection":
        """Every byte is stored and known to be a whole image."""
        self._require(State.RECEIVING)
        return self._changed(State.RECEIVED, now, lease_until, facts=facts, labels=labels)

    def claimed(self, now: datetime, lease_until: datetime) -> "Inspection":
        """The next attempt begins. An attempt that is taken over counts as interrupted."""
        self._require(State.RECEIVED, State.INSPECTING)
        interruptions = self.interruptions + (self.state is State.INSPECTING)
        return self._changed(State.INSPECTING, now, lease_until, attempt=self.attempt + 1, interruptions=interruptions)

    def retried(self, now: datetime, lease_until: datetime) -> "Inspection":
        """A new attempt at what failed, its interruptions forgotten. Raises `InspectionNotFailed`."""
        if self.state is not State.FAILED:
            raise InspectionNotFailed(f"The inspection is {self.state}; only a failed one can be retried.")
        return self._changed(
            State.INSPECTING, now, lease_until, attempt=self.attempt + 1, interruptions=0, failure=None
        )

    def given_back(self, now: datetime) -> "Inspection":
        """The attempt was called off, not interrupted: anybody may claim the image at once."""
        self._require(State.INSPECTING)
        return self._changed(State.RECEIVED, now, now)

    def inspected(self, findings: Findings, now: datetime) -> "Inspection":
        """The attempt succeeded."""
        self._require(State.INSPECTING)
        return self._changed(State.INSPECTED, now, None, findings=findings)

    def failed(self, failure: Failure, now: datetime) -> "Inspection":
        """The attempt failed; the upload is kept."""
        self._require(State.INSPECTING)
        return self._changed(State.FAILED, now, None, failure=failure)

    def deleting(self, now: datetime, lease_until: datetime) -> "Inspection":
        """Its files go next, then its record."""
        self._require(State.RECEIVING, State.INSPECTED, State.FAILED, State.DELETING)
        return self._changed(State.DELETING, now, lease_until, findings=None, failure=None)

    def _require(self, *states: State) -> None:
        if self.state not in states:
            raise InspectionChanged(f"The inspection is {self.state}, not {' or '.join(states)}. Ask for its state.")

    def _changed(self, state: State, now: datetime, lease_until: datetime | None, **changes: object) -> "Inspection":
        return dataclasses.replace(self, state=state, changed_at=now, lease_until=lease_until, **changes)  # pyright: ignore[reportArgumentType]  # the callers above name real fields
