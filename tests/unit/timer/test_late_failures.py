"""Failures of attempts that come too late: after a deletion, or after a later success."""

import pytest
from msgspec.structs import replace

from duetime.events.types import Outcome, TaskDue
from tests.support.builders import DAY, MINUTE, NOON, SECOND, created, deleted, executed
from tests.support.given import given


@pytest.mark.promise("P4")
def test_a_failed_attempt_that_arrives_after_the_deletion_starts_nothing() -> None:
    story = given(created())
    [fact] = story.at(NOON)
    assert isinstance(fact, TaskDue)
    story.then(deleted(), at=NOON + SECOND)
    failed = replace(executed(fact, final=False), outcome=Outcome.FAILED, retry_at=NOON + MINUTE)
    story.then(failed, at=NOON + 2 * SECOND)

    assert [] == story.at(NOON + MINUTE)
    assert [] == story.at(NOON + DAY)


@pytest.mark.promise("P3")
def test_a_repeated_failure_after_a_later_success_starts_nothing() -> None:
    story = given(created())
    [fact] = story.at(NOON)
    assert isinstance(fact, TaskDue)
    failed = replace(executed(fact, final=False), outcome=Outcome.FAILED, retry_at=NOON + MINUTE)
    story.then(failed, at=NOON + SECOND)
    story.then(executed(replace(fact, attempt=2)), at=NOON + 2 * MINUTE)
    story.then(failed, at=NOON + 3 * MINUTE)

    assert [] == story.at(NOON + 4 * MINUTE)
    assert [] == story.at(NOON + DAY)
