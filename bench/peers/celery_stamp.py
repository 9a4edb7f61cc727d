"""Celery's side of the benchmark: the task that stamps its start, and the one who registers.

Runs in the environment of the peers, not in Duetime's: knows Celery and what its arguments and
environment tell. Stamps are kept and written as in `bench/stamping.py`: in memory, and by a thread
twice a second to a file of each process's own. `python celery_stamp.py FIRST RATE COUNT` registers.
"""

import atexit
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_ready

_FLUSH_SECONDS = 0.5
_CALLERS = 8  # Redis syncs what many callers append at once with one write

app = Celery("peers", broker=os.environ["PEERS_BROKER"], set_as_current=True)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_pool_limit=_CALLERS,
    # Longer than any run: what is held for its time would be delivered a second time after it.
    broker_transport_options={"visibility_timeout": 43_200},
    task_ignore_result=True,
    worker_disable_rate_limits=True,
)

_stamps: list[tuple[str, float, int]] = []
_writer_of_process: list[int] = []


@app.task(name="stamp")
def stamp(name: str, due: float) -> None:
    """Note the name, the due time and this process's clock, in nanoseconds."""
    _stamps.append((name, due, time.time_ns()))
    if _writer_of_process != [os.getpid()]:  # the worker forks: each child needs its own thread
        _writer_of_process[:] = [os.getpid()]
        threading.Thread(target=_flush_for_ever, daemon=True).start()
        atexit.register(_flush)


@worker_ready.connect
def _tell_ready(**_: Any) -> None:
    Path(os.environ["PEERS_READY"]).touch()


def _flush() -> None:
    taken, _stamps[:] = _stamps[:], []
    if taken:
        with Path(f"{os.environ['BENCH_STAMPS']}.{os.getpid()}").open(
            "a", encoding="ascii"
        ) as file:
            file.writelines(f"{name} {due!r} {at}\n" for name, due, at in taken)


def _flush_for_ever() -> None:
    while True:
        time.sleep(_FLUSH_SECONDS)
        _flush()


def _register(first: float, rate: int, count: int) -> None:
    def one(number: int) -> None:
        due = round(first + number / rate, 6)
        stamp.apply_async((str(number), due), eta=datetime.fromtimestamp(due, UTC))

    with ThreadPoolExecutor(_CALLERS) as pool:
        for _ in pool.map(one, range(count), chunksize=1):
            pass


if __name__ == "__main__":
    _register(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
