"""The way to Kafka and MongoDB is slow, cut, or loses answers: nothing accepted is lost."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import tools
from tests.chaos.effects import seldom_met
from tests.chaos.faults import noted
from tests.chaos.judging import verdict
from tests.chaos.load import Callers
from tests.simulation.history import FaultKind
from tests.support.stack import STAMPING, missing
from tests.support.toxic import ToxicStack

TASKS_PER_SECOND = 10.0

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.mongo,
    pytest.mark.nightly,
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def toxic() -> Iterator[ToxicStack]:
    """A stack with toxiproxy between; shared by the tests of this module."""
    reason = missing() or tools.missing("toxiproxy")
    if reason is not None:
        pytest.skip(reason)
    program = tools.find("toxiproxy")
    assert program is not None
    folder = Path(tempfile.mkdtemp(prefix="duetime-toxic-"))
    environment = {"PYTHONPATH": str(STAMPING.parent), "DUETIME_EXECUTOR_ACTIONS": STAMPING.stem}
    try:
        with ToxicStack(folder, program=program, environment=environment) as stack:
            yield stack
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def callers(toxic: ToxicStack, tmp_path: Path) -> Iterator[Callers]:
    """Callers of the load balancer."""
    made = Callers(url=toxic.url, stamps=tmp_path / "starts.txt")
    yield made
    made.close()


@pytest.mark.promise("P1", "P2", "P3")
def test_a_slow_way_to_kafka_and_mongodb_loses_and_doubles_nothing(
    toxic: ToxicStack, callers: Callers
) -> None:
    with (
        toxic.toxic("kafka", "latency", stream="downstream", latency=100, jitter=50),
        toxic.toxic("mongo", "latency", stream="downstream", latency=100, jitter=50),
        callers.at_work(per_second=TASKS_PER_SECOND),
    ):
        time.sleep(20.0)
    wrong, _ = verdict(toxic, callers)

    assert [] == wrong
    toxic.check_alive()


@pytest.mark.promise("P1", "P3", "P5")
def test_a_way_to_kafka_that_is_cut_for_a_while_loses_nothing(
    toxic: ToxicStack, callers: Callers
) -> None:
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for seconds in (2.0, 8.0):
            time.sleep(5.0)
            with noted(callers.history, FaultKind.LOG_AWAY), toxic.cut("kafka"):
                time.sleep(seconds)
            toxic.wait_ready()
    wrong, _ = verdict(toxic, callers)

    assert [] == wrong
    assert [] == seldom_met(callers.history)
    toxic.check_alive()


@pytest.mark.promise("P1", "P3", "P5")
def test_answers_of_kafka_that_are_cut_off_leave_no_doubt_behind(
    toxic: ToxicStack, callers: Callers
) -> None:
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for _ in range(5):
            time.sleep(4.0)
            with (
                noted(callers.history, FaultKind.LOG_AWAY),
                toxic.toxic("kafka", "limit_data", stream="downstream", bytes=2_000),
            ):
                time.sleep(1.0)  # requests arrive, and their answers break off
        toxic.wait_ready()
    wrong, _ = verdict(toxic, callers)

    assert [] == wrong
    assert [] == seldom_met(callers.history)
    toxic.check_alive()


@pytest.mark.promise("P2", "P6")
def test_a_way_to_mongodb_that_is_cut_delays_no_run(toxic: ToxicStack, callers: Callers) -> None:
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for _ in range(2):
            time.sleep(4.0)
            with noted(callers.history, FaultKind.STORE_AWAY), toxic.cut("mongo"):
                time.sleep(6.0)
    wrong, _ = verdict(toxic, callers)

    assert [] == wrong
    assert [] == seldom_met(callers.history)
    toxic.check_alive()
