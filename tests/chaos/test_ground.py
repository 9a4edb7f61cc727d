"""The ground goes away: the broker in mid-load, MongoDB for half a minute, one of three brokers."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.chaos.effects import seldom_met
from tests.chaos.faults import noted
from tests.chaos.judging import verdict
from tests.chaos.load import Callers
from tests.simulation.history import FaultKind
from tests.support.stack import make_whole, own_stack, wait_for

BROKER_AWAY_SECONDS = 3.0
STORE_AWAY_SECONDS = 30.0
KILLS_OF_BROKERS_AT_NIGHT = 12
TASKS_PER_SECOND = 15.0

pytestmark = [pytest.mark.kafka, pytest.mark.mongo, pytest.mark.timeout(240)]


@pytest.mark.promise("P1", "P3", "P5")
def test_a_broker_that_dies_in_mid_transaction_and_comes_back_loses_nothing(
    stack: Stack, callers: Callers
) -> None:
    _kill_the_broker(stack, callers, times=1)


@pytest.mark.nightly
@pytest.mark.promise("P1", "P3", "P5")
@pytest.mark.timeout(1_200)
def test_a_broker_may_die_in_mid_transaction_all_night(stack: Stack, callers: Callers) -> None:
    _kill_the_broker(stack, callers, times=KILLS_OF_BROKERS_AT_NIGHT)


def _kill_the_broker(stack: Stack, callers: Callers, *, times: int) -> None:
    assert stack.brokers is not None
    (broker,) = stack.brokers.brokers
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for _ in range(times):
            time.sleep(3.0)
            with noted(callers.history, FaultKind.LOG_AWAY):
                broker.kill()
                time.sleep(BROKER_AWAY_SECONDS)
                broker.start()
                broker.wait()
            make_whole(stack)
        time.sleep(3.0)
    wrong, _ = verdict(stack, callers)

    assert [] == wrong
    assert [] == seldom_met(callers.history)
    stack.check_alive()


@pytest.mark.promise("P2", "P6")
def test_half_a_minute_without_mongodb_delays_no_run_and_the_read_models_catch_up(
    stack: Stack, callers: Callers
) -> None:
    with noted(callers.history, FaultKind.STORE_AWAY):
        stack.stop_mongod()
        until = time.monotonic() + STORE_AWAY_SECONDS
        try:
            registered = _register_without_reading(callers, until)
        finally:
            stack.start_mongod()
    wait_for(lambda: all(api.ready() for api in stack.of_role("api")), "ready apis")
    wrong, evidence = verdict(stack, callers)

    assert {201} == set(registered)
    assert [] == wrong
    assert [] == seldom_met(callers.history)
    assert len(registered) == len({start.run_id for start in evidence.starts})
    stack.check_alive()


def _register_without_reading(callers: Callers, until: float) -> list[int]:
    """Register without a key, which needs no read model; give the answers' statuses."""
    answers: list[int] = []
    while time.monotonic() < until:
        due_at = datetime.now(UTC) + timedelta(seconds=2)
        body = callers.body(f"text {len(answers)}", due_at)
        answers.append(callers.send("POST", "/tasks", body=body).status)
    return answers


@pytest.fixture
def three(tmp_path: Path) -> Iterator[tuple[Stack, Callers]]:
    """A stack over three brokers, and its callers."""
    with own_stack(brokers=3) as stack:
        callers = Callers(url=stack.url, stamps=tmp_path / "starts.txt")
        yield stack, callers
        callers.close()


@pytest.mark.promise("P1", "P2", "P3", "P5")
def test_one_of_three_brokers_may_die_at_any_time(three: tuple[Stack, Callers]) -> None:
    _kill_brokers(*three, numbers=(0,))


@pytest.mark.nightly
@pytest.mark.promise("P1", "P2", "P3", "P5")
@pytest.mark.timeout(1_200)
def test_three_brokers_may_die_in_turns_all_night(three: tuple[Stack, Callers]) -> None:
    _kill_brokers(*three, numbers=range(KILLS_OF_BROKERS_AT_NIGHT))


def _kill_brokers(stack: Stack, callers: Callers, *, numbers: Sequence[int]) -> None:
    assert stack.brokers is not None
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for number in numbers:
            time.sleep(3.0)
            broker = stack.brokers.brokers[number % 3]
            broker.kill()
            time.sleep(10.0)
            broker.start()
            broker.wait()
            time.sleep(5.0)
    wrong, _ = verdict(stack, callers)

    assert [] == wrong
    stack.check_alive()
