"""An image that takes its process with it, whatever tries it."""

import pytest

from crashes.history import Histories, History
from crashes.job import Job
from crashes.spawner import Life

BEFORE_THE_ENGINE = "before inspect"
AFTER_THE_LAST_PICTURE = "after write overlay.png"


def engine_calls(lives: tuple[Life, ...]) -> int:
    return sum(life.steps.count(BEFORE_THE_ENGINE) for life in lives)


def three_deaths(histories: Histories, untouched: History, place: str) -> History:
    past = [histories.copy(untouched)]
    for hours, task in enumerate(("upload", "resume", "resume")):
        past = histories.go_on(past, Job(task, hours=hours, last_place=place))
        assert past[0].lives[-1].was_killed
    return past[0]


@pytest.mark.parametrize("place", [BEFORE_THE_ENGINE, AFTER_THE_LAST_PICTURE])
def test_an_image_that_kills_three_processes_fails_and_is_kept_for_a_retry(
    histories: Histories, untouched: History, place: str
) -> None:
    poisoned = three_deaths(histories, untouched, place)
    (failed,) = histories.go_on([poisoned], Job("resume", hours=3))
    with failed.told():
        assert engine_calls(failed.lives) == 3
        failed.world.assert_failed(failed.sent, "repeatedly-interrupted", failed.attempts, failed.attempts - 1)
    (retried,) = histories.go_on([failed], Job("retry", hours=4))
    with retried.told():
        assert retried.lives[-1].ended == "inspected"
        retried.world.assert_inspected(retried.sent, retried.attempts, interruptions=0)


def test_giving_up_killed_at_any_step_is_made_good_by_the_next_restart(
    histories: Histories, untouched: History
) -> None:
    poisoned = three_deaths(histories, untouched, AFTER_THE_LAST_PICTURE)
    died = histories.die_at_every_step(poisoned, Job("resume", hours=3))
    for history in histories.go_on(died, Job("resume", hours=4)):
        with history.told():
            assert engine_calls(history.lives) == 3
            history.world.assert_failed(history.sent, "repeatedly-interrupted", history.attempts, history.attempts - 1)


def test_a_retry_gives_an_image_three_new_chances(histories: Histories, untouched: History) -> None:
    poisoned = three_deaths(histories, untouched, BEFORE_THE_ENGINE)
    past = histories.go_on([poisoned], Job("resume", hours=3))
    for hours, task in enumerate(("retry", "resume", "resume"), start=4):
        past = histories.go_on(past, Job(task, hours=hours, last_place=BEFORE_THE_ENGINE))
    (failed,) = histories.go_on(past, Job("resume", hours=7))
    with failed.told():
        assert engine_calls(failed.lives) == 6
        (row,) = failed.world.rows["inspections"]
        assert (row["state"], row["failure_code"]) == ("failed", "repeatedly-interrupted")
