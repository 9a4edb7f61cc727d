"""Log lines: written elsewhere, in one of two shapes, and dropped rather than waited for."""

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest
import structlog
from typing_extensions import override

from duetime.limits import LOG_LINES_QUEUED_MAX
from duetime.telemetry.logs import LogWriter, for_programs, start_logging
from duetime.telemetry.metrics import Metrics


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_service_writes_one_json_object_per_line() -> None:
    stream = io.StringIO()
    with start_logging(form="json", stream=stream):
        structlog.get_logger().warning("run_failed", task_id="t", run_id="r", attempt=2)
    line = json.loads(stream.getvalue())

    assert ["time", "level", "event"] == list(line)[:3]
    assert ("warning", "run_failed", "t", "r", 2) == (
        line["level"],
        line["event"],
        line["task_id"],
        line["run_id"],
        line["attempt"],
    )


def test_people_read_a_plain_line() -> None:
    stream = io.StringIO()
    with start_logging(form="console", stream=stream):
        structlog.get_logger().info("listening", port=3001)

    assert "listening" in stream.getvalue()
    assert "port=3001" in stream.getvalue()


def test_what_no_terminal_reads_is_json() -> None:
    stream = io.StringIO()
    with start_logging(stream=stream):
        structlog.get_logger().info("ready")

    assert "ready" == json.loads(stream.getvalue())["event"]


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    with start_logging(form="json", level="warning", stream=stream):
        structlog.get_logger().info("quiet")
        logging.getLogger("uvicorn").info("quiet")
        structlog.get_logger().error("loud")

    assert ["loud"] == [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_libraries_write_through_the_same_queue() -> None:
    stream = io.StringIO()
    with start_logging(form="json", stream=stream):
        logging.getLogger("uvicorn.error").warning("no %s", "luck")
    line = json.loads(stream.getvalue())

    assert ("no luck", "uvicorn.error", "warning") == (line["event"], line["logger"], line["level"])


def test_an_exception_comes_with_its_traceback() -> None:
    stream = io.StringIO()
    with start_logging(form="json", stream=stream):
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            structlog.get_logger().exception("broken")

    assert "ZeroDivisionError" in json.loads(stream.getvalue())["exception"]


def test_what_json_cannot_say_is_written_as_text() -> None:
    class Odd:
        @override
        def __repr__(self) -> str:
            return "<odd>"

    assert "<odd>" in for_programs({"event": "x", "thing": Odd(), "text": "\ud800"})


def test_lines_are_dropped_and_counted_where_writing_is_too_slow() -> None:
    free = threading.Event()

    class Stuck(io.StringIO):
        @override
        def write(self, text: str) -> int:
            free.wait(20)
            return super().write(text)

    metrics = Metrics()
    with LogWriter(Stuck(), for_programs, metrics) as writer:
        for _ in range(2 * LOG_LINES_QUEUED_MAX):
            writer.put({"event": "x"})
        dropped = metrics.log_lines_dropped_total._value.get()
        free.set()

    assert LOG_LINES_QUEUED_MAX / 2 < dropped <= LOG_LINES_QUEUED_MAX


def test_a_broken_stream_stops_nobody() -> None:
    stream = io.StringIO()
    stream.close()
    metrics = Metrics()
    with LogWriter(stream, for_programs, metrics) as writer:
        writer.put({"event": "x"})

    assert 1.0 <= metrics.log_lines_dropped_total._value.get()
