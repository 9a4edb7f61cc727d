"""Records that nobody can read, in each topic: kept for people, counted, and passed over."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.stack import Running, Stack
from duetime.events.positions import POSITION_KEY
from duetime.log.partitioner import partition_of
from duetime.log.port import Accepted, Record
from duetime.log.topics import Topic
from tests.chaos.faults import kill_and_restart
from tests.chaos.judging import verdict
from tests.chaos.load import Callers
from tests.chaos.recorded import append_to, records_of
from tests.support.stack import is_settled, metric, partitions_of, wait_for

COUNTED = "duetime_dead_letters_total"
POISONED = (Topic.TASKS, Topic.DUE, Topic.EXECUTIONS)

_KEYS = {Topic.SCHEDULE: ("no task", POSITION_KEY.decode())}  # a compacted one refuses the keyless

pytestmark = [pytest.mark.kafka, pytest.mark.mongo, pytest.mark.timeout(120)]


@pytest.mark.promise("P2", "P5")
def test_poison_in_each_topic_becomes_a_dead_letter_and_its_partition_goes_on(
    stack: Stack, callers: Callers
) -> None:
    places = _poison(stack, POISONED)
    due_at = datetime.now(UTC) + timedelta(seconds=3)
    for _ in range(4 * partitions_of(stack)):  # every partition gets some of them
        callers.register(due_at)
    wait_for(lambda: places <= set(_dead_letters(stack)), "a dead letter for each poison")
    wrong, _ = verdict(stack, callers)

    assert [] == wrong
    assert len(places) <= sum(metric(each, COUNTED) for each in stack.processes.values())
    stack.check_alive()


@pytest.mark.promise("P5", "P6")
def test_poison_in_the_changelog_becomes_one_dead_letter_at_a_warm_take_over(
    stack: Stack, callers: Callers
) -> None:
    before = sum(map(_counted_of_changelog, stack.of_role("timer")))
    places = _poison(stack, (Topic.SCHEDULE,))
    due_at = datetime.now(UTC) + timedelta(seconds=20)
    for _ in range(2 * partitions_of(stack)):
        callers.register(due_at)
    counted = 0.0
    for number in range(2):  # each partition is taken over by somebody
        victim = stack.of_role("timer")[number]
        counted += _counted_of_changelog(victim)  # its count ends with it
        kill_and_restart(stack, callers, ("timer",), number)
        wait_for(is_settled(stack), "a share for each again")
    wait_for(lambda: places <= set(_dead_letters(stack)), "a dead letter for each poison")
    letters = Counter(_dead_letters(stack))
    wrong, _ = verdict(stack, callers)

    assert [] == wrong
    assert dict.fromkeys(places, 1) == {place: letters[place] for place in places}
    counted += sum(map(_counted_of_changelog, stack.of_role("timer")))
    assert len(places) == counted - before
    stack.check_alive()


@pytest.mark.promise("P4", "P5")
def test_a_task_with_an_unreadable_change_does_not_run_until_it_can_be_read_again(
    stack: Stack, callers: Callers
) -> None:
    due_at = datetime.now(UTC) + timedelta(seconds=4)
    held = callers.register(due_at)
    assert held.task_id is not None
    partition = partition_of(held.task_id.encode(), partitions_of(stack))
    append_to(stack, [_record(Topic.TASKS, partition, held.task_id)])
    time.sleep(8.0)
    before = callers.send("GET", f"/tasks/{held.task_id}/runs").content
    callers.replace(held.task_id, datetime.now(UTC) + timedelta(seconds=2))
    wrong, evidence = verdict(stack, callers)

    assert ["unreadable"] == [run["skipped"] for run in before]
    assert 1 == len(evidence.starts)
    assert [] == wrong


def _poison(stack: Stack, topics: tuple[Topic, ...]) -> set[str]:
    """Put a record without a key and one with a strange one into every partition of the topics.

    Into the changelog, instead of the first, one that says it is a timer's position.
    """
    records = [
        _record(topic, partition, key)
        for topic in topics
        for partition in range(partitions_of(stack))
        for key in _KEYS.get(topic, (None, "no task"))
    ]
    outcomes = append_to(stack, records)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    return {
        f"{record.topic}/{record.partition}/{outcome.offset}"
        for record, outcome in zip(records, outcomes, strict=True)
    }


def _record(topic: Topic, partition: int, key: str | None) -> Record:
    return Record(
        topic=topic,
        partition=partition,
        key=None if key is None else key.encode(),
        value=b"\xff{not an event",
        headers={},
    )


def _dead_letters(stack: Stack) -> list[str]:
    return [
        letter.headers["duetime_from"].decode()
        for letter in records_of(stack, Topic.DEAD_LETTERS)
        if "duetime_from" in letter.headers
    ]


def _counted_of_changelog(timer: Running) -> float:
    return metric(timer, COUNTED, topic=Topic.SCHEDULE)
