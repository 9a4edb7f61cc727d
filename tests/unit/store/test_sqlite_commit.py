"""A commit of the read models that has to wait must not hold up the event loop meanwhile."""

import threading
from pathlib import Path

import apsw
import pytest

from duetime.store.sqlite.lane import _transaction


def test_while_a_commit_waits_the_other_threads_go_on(tmp_path: Path) -> None:
    path = str(tmp_path / "any.db")
    writer, reader = apsw.Connection(path), apsw.Connection(path)
    writer.set_busy_timeout(5_000)
    writer.execute("CREATE TABLE t (n); INSERT INTO t VALUES (1), (2)")
    reading = reader.execute("SELECT n FROM t")
    next(reading)  # in a journal of this kind a commit waits for whoever reads
    wrong: list[Exception] = []

    def write() -> None:
        try:
            with _transaction(writer):
                writer.execute("INSERT INTO t VALUES (3)")
                written.set()
        except apsw.Error as fault:
            wrong.append(fault)

    written = threading.Event()
    thread = threading.Thread(target=write)
    thread.start()
    written.wait(5.0)
    reading.close()  # never, if the commit kept the interpreter's lock until it gave up
    thread.join(10.0)

    assert [] == wrong
    assert 3 == writer.execute("SELECT count(*) FROM t").get


def test_what_fails_in_a_transaction_leaves_nothing_and_no_transaction(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "any.db"))
    connection.execute("CREATE TABLE t (n)")

    def write() -> None:
        with _transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(apsw.SQLError, match="nowhere"):
        write()

    assert not connection.in_transaction
    assert 0 == connection.execute("SELECT count(*) FROM t").get
