"""The record and its states."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from aoi.domain.defects import PictureKind
from aoi.domain.errors import EngineTimedOut, InspectionChanged, InspectionNotFailed
from aoi.domain.image import ImageFormat
from aoi.domain.inspection import Failure, Inspection, State, new_inspection_id
from aoi.testing.examples import LEASE, NOW, a_failure, an_inspection, some_facts, some_findings, some_labels

THEN = NOW + timedelta(seconds=1)
LATER = THEN + LEASE

CHANGES: dict[str, tuple[Callable[[Inspection], Inspection], set[State]]] = {
    "received": (lambda one: one.received(some_facts(), some_labels(), THEN, LATER), {State.RECEIVING}),
    "claimed": (lambda one: one.claimed(THEN, LATER), {State.RECEIVED, State.INSPECTING}),
    "given back": (lambda one: one.given_back(THEN), {State.INSPECTING}),
    "inspected": (lambda one: one.inspected(some_findings(one), THEN), {State.INSPECTING}),
    "failed": (lambda one: one.failed(a_failure(), THEN), {State.INSPECTING}),
    "retried": (lambda one: one.retried(THEN, LATER), {State.FAILED}),
    "deleting": (
        lambda one: one.deleting(THEN, LATER),
        {State.RECEIVING, State.INSPECTED, State.FAILED, State.DELETING},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("state", State)
def test_a_state_is_left_only_on_the_ways_that_lead_out_of_it(state: State, name: str) -> None:
    change, allowed = CHANGES[name]
    inspection = an_inspection(state)
    if state in allowed:
        assert change(inspection).changed_at == THEN
    else:
        with pytest.raises((InspectionChanged, InspectionNotFailed), match=f"is {state}"):
            change(inspection)


@pytest.mark.parametrize("name", CHANGES)
def test_only_a_state_that_somebody_works_in_carries_a_lease(name: str) -> None:
    change, allowed = CHANGES[name]
    ends = {"given back": THEN, "inspected": None, "failed": None}.get(name, LATER)
    assert {change(an_inspection(state)).lease_until for state in allowed} == {ends}


def test_a_record_keeps_what_it_is_through_all_its_states() -> None:
    new = Inspection.receiving("Panel Ü.png", ImageFormat.JPEG, NOW, NOW + LEASE)
    received = new.received(some_facts(), some_labels(), THEN, LATER)
    done = received.claimed(THEN, LATER)
    done = done.inspected(some_findings(done), THEN)
    assert (done.id, done.filename, done.file_key, done.created_at) == (new.id, "Panel Ü.png", new.file_key, NOW)
    assert (done.facts, done.labels, done.attempt, done.interruptions) == (some_facts(), some_labels(), 1, 0)
    assert done.findings is not None
    assert done.findings.total_defects == done.findings.analysis.total_defects == 4
    gone = done.deleting(THEN, LATER)
    assert (gone.findings, gone.failure) == (None, None)


def test_an_attempt_that_is_taken_over_counts_as_interrupted_and_one_given_back_does_not() -> None:
    inspecting = an_inspection(State.RECEIVED).claimed(NOW, LATER)
    assert (inspecting.attempt, inspecting.interruptions) == (1, 0)
    again = inspecting.given_back(NOW).claimed(NOW, LATER)
    assert (again.attempt, again.interruptions) == (2, 0)
    taken_over = again.claimed(NOW, LATER)
    assert (taken_over.attempt, taken_over.interruptions) == (3, 1)


def test_the_third_interruption_makes_it_poison_and_a_retry_makes_it_harmless() -> None:
    first = an_inspection(State.RECEIVED).claimed(NOW, LATER)
    attempts = list(itertools.accumulate(range(3), lambda one, _: one.claimed(NOW, LATER), initial=first))
    assert [one.is_poison for one in attempts] == [False, False, False, True]
    retried = attempts[-1].failed(a_failure(), NOW).retried(NOW, LATER)
    assert (retried.attempt, retried.interruptions, retried.is_poison, retried.failure) == (5, 0, False, None)


def test_a_failure_says_what_its_error_said() -> None:
    assert Failure.from_error(EngineTimedOut("Too slow.")) == Failure("engine-timed-out", "Too slow.", retryable=True)


def test_keys_hold_the_day_and_the_id_and_nothing_that_the_client_sent() -> None:
    inspection = Inspection.receiving("../Ü.exe", ImageFormat.TIFF, NOW, LATER).received(
        some_facts(), some_labels(), NOW, LATER
    )
    assert inspection.file_key == f"uploads/20261122/{inspection.id}/original.tif"
    second = inspection.claimed(NOW, LATER).claimed(NOW, LATER)
    assert second.picture_key(PictureKind.MASK) == f"results/20261122/{inspection.id}/2/mask.png"
    assert second.picture_key(PictureKind.MASK).startswith(second.results_prefix)


@pytest.mark.parametrize(
    ("name", "is_past"),
    [("1/mask.png", True), ("2/mask.png", True), ("3/mask.png", False), ("10/mask.png", False), ("Thumbs.db", False)],
)
def test_only_pictures_of_this_attempt_and_of_older_ones_are_past(name: str, is_past: bool) -> None:
    second = an_inspection(State.INSPECTING)
    assert second.attempt == 2
    assert second.is_past(second.results_prefix + name) is is_past


def test_ids_sort_by_time_whatever_the_clocks_zone() -> None:
    zones = [timezone(timedelta(hours=hours)) for hours in (9, -7, 0, 14)]
    times = [(NOW + timedelta(seconds=number * 977)).astimezone(zones[number % 4]) for number in range(200)]
    ids = [new_inspection_id(now) for now in times]
    assert ids == sorted(ids)
    assert ids[0].startswith("20261122_093015_")


def test_ids_of_one_moment_do_not_collide() -> None:
    assert len({new_inspection_id(NOW) for _ in range(10_000)}) == 10_000


def test_an_id_is_in_utc() -> None:
    midnight_in_tokyo = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=9)))
    assert new_inspection_id(midnight_in_tokyo).startswith("20251231_153000_")
