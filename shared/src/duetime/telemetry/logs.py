"""Log lines: JSON for services, a readable line for a terminal, written off the hot path.

Knows structlog and the standard library's logging; not who says what. A call only puts a small
dictionary into a bounded queue; a thread of its own renders and writes. Where writing is slower
than logging, lines are dropped and counted: a full disk or a stuck pipe must not make runs late.
"""

import json
import logging
import queue
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, Literal, Self, TextIO

import orjson
import structlog
from typing_extensions import override

from duetime.limits import LOG_LINES_QUEUED_MAX
from duetime.telemetry.metrics import Metrics

_CLOSE_SECONDS_MAX: Final = 2.0
_LINES_PER_WRITE_MAX: Final = 256
_LEVELS: Final[Mapping[str, int]] = logging.getLevelNamesMapping()


LogFormat = Literal["auto", "json", "console"]
"""How lines look; `auto`: for people where a terminal listens, else for programs."""
LogLevel = Literal["debug", "info", "warning", "error"]
"""The least that is written."""
Line = MutableMapping[str, Any]
Render = Callable[[Line], str]


class LogWriter:
    """Writes lines from a queue, in a thread. Use it as a context manager around the process."""

    def __init__(self, stream: TextIO, render: Render, metrics: Metrics | None = None) -> None:
        """Write to `stream`; dropped lines count in `metrics`."""
        self._stream = stream
        self._render = render
        self._dropped = None if metrics is None else metrics.log_lines_dropped_total
        self._lines: queue.Queue[Line | None] = queue.Queue(LOG_LINES_QUEUED_MAX)
        self._thread = threading.Thread(target=self._write_all, name="duetime-logs", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is queued, at most for two seconds."""
        try:
            self._lines.put(None, timeout=_CLOSE_SECONDS_MAX)
        except queue.Full:
            return
        self._thread.join(_CLOSE_SECONDS_MAX)

    def put(self, line: Line) -> None:
        """Queue a line; never blocks."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            if self._dropped is not None:
                self._dropped.inc()

    def _write_all(self) -> None:
        while True:
            batch = self._next_batch()
            text = "".join(self._render(line) + "\n" for line in batch if line is not None)
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                # Nobody can be told: the place to tell it is what broke.
                if self._dropped is not None:
                    self._dropped.inc(len(batch))
            if None in batch:
                return

    def _next_batch(self) -> list[Line | None]:
        batch = [self._lines.get()]
        while len(batch) < _LINES_PER_WRITE_MAX and batch[-1] is not None:
            try:
                batch.append(self._lines.get_nowait())
            except queue.Empty:
                break
        return batch


def start_logging(
    *,
    form: LogFormat = "auto",
    level: LogLevel = "info",
    stream: TextIO | None = None,
    metrics: Metrics | None = None,
) -> LogWriter:
    """Send every line of this process, structlog's and the standard library's, to one writer.

    Meant for `__main__`: it configures process-wide logging. Give it the time and a name.
    """
    target = stream or sys.stderr
    people = form == "console" or (form == "auto" and target.isatty())
    writer = LogWriter(target, _for_people(target.isatty()) if people else for_programs, metrics)
    number = _LEVELS[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _as_arguments,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_LoggerFactory(writer),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(number, logging.INFO), handlers=[_Bridge(writer)], force=True)
    return writer


def for_programs(line: Line) -> str:
    """Render a line as one JSON object: time, level and event first."""
    ordered = {
        "time": line.pop("timestamp", None),
        "level": line.pop("level", None),
        "event": line.pop("event", None),
        **line,
    }
    try:
        return orjson.dumps(ordered, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (orjson.JSONEncodeError, UnicodeError):
        return json.dumps(ordered, default=repr)


def _for_people(colors: bool) -> Render:  # noqa: FBT001 - the one thing there is to say
    renderer = structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0)
    return lambda line: str(renderer(None, "", line))


def _as_arguments(_logger: object, _name: str, line: Line) -> tuple[tuple[Line], dict[str, object]]:
    return (line,), {}


class _QueuedLogger:
    """What structlog calls at the end: every level is the same to it."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    def msg(self, line: Line) -> None:
        self._writer.put(line)

    debug = info = warning = error = critical = exception = log = msg


class _LoggerFactory:
    def __init__(self, writer: LogWriter) -> None:
        self._logger = _QueuedLogger(writer)

    def __call__(self, *_: object) -> _QueuedLogger:
        return self._logger


class _Bridge(logging.Handler):
    """Takes what libraries say (uvicorn, asyncio) into the same queue."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer
        self._processors: Sequence[Any] = (
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
        )

    @override
    def emit(self, record: logging.LogRecord) -> None:
        line: Line = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.exc_info:
            line["exc_info"] = record.exc_info
        for processor in self._processors:
            line = processor(None, "", line)
        self._writer.put(line)
