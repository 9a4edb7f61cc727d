"""`duetime run` as a user meets it: what it says, what it refuses, how it stops."""

import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.embedded import EmbeddedProcess

DUETIME = str(Path(sys.executable).with_name("duetime"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_keeps_its_data_and_stops_cleanly_when_asked(
    tmp_path: Path, number: signal.Signals
) -> None:
    with EmbeddedProcess(tmp_path / "data") as duetime:
        status = duetime.stop(number)

        assert 0 == status
        assert f"http://127.0.0.1:{duetime.port}" in duetime.output()
        assert str(tmp_path / "data") in duetime.output()
        assert "Duetime has stopped." in duetime.output()


def test_a_second_process_on_the_same_data_directory_is_refused_with_a_sentence(
    tmp_path: Path,
) -> None:
    with EmbeddedProcess(tmp_path / "data") as first:
        second = run_it("run", "--data-dir", str(tmp_path / "data"), "--port", "0")

        assert 2 == second.returncode
        assert f"Another Duetime (process {first.pid}) is using the data directory" in second.stderr
        assert "Traceback" not in second.stderr


def test_a_data_directory_of_a_newer_format_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "format").write_text("2\n")
    refused = run_it("run", "--data-dir", str(tmp_path / "data"), "--port", "0")

    assert 2 == refused.returncode
    assert "is in format '2', and this Duetime reads up to format 1" in refused.stderr


def test_a_port_in_use_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run_it("run", "--data-dir", str(tmp_path / "data"), "--port", str(port))

    assert 2 == refused.returncode
    assert f"Duetime cannot listen on 127.0.0.1:{port}" in refused.stderr


def test_an_unknown_setting_is_refused_and_the_nearest_known_one_is_named(tmp_path: Path) -> None:
    refused = run_it("run", "--port", "0", env={"DUETIME_DATADIR": str(tmp_path)})

    assert 2 == refused.returncode
    assert "DUETIME_DATADIR" in refused.stderr
    assert "DUETIME_DATA_DIR" in refused.stderr


def test_a_module_of_actions_that_cannot_be_imported_is_refused_by_name(tmp_path: Path) -> None:
    refused = run_it(
        "run", "--data-dir", str(tmp_path), "--port", "0", "--actions", "no_such_module"
    )

    assert 2 == refused.returncode
    assert "no_such_module" in refused.stderr


def test_its_help_names_every_option_of_run() -> None:
    told = run_it("run", "--help")

    assert 0 == told.returncode
    for option in ("--data-dir", "--host", "--port", "--actions"):
        assert option in told.stdout
    assert "DUETIME_DATA_DIR" in told.stdout


def test_read_models_are_not_built_in_a_folder_that_holds_no_data(tmp_path: Path) -> None:
    refused = run_it("rebuild", "--data-dir", str(tmp_path / "slip"))

    assert 2 == refused.returncode
    assert f"There is no data of Duetime in {tmp_path / 'slip'}." in refused.stderr
    assert not (tmp_path / "slip").exists()


@pytest.mark.promise("P1")
def test_a_task_registered_before_a_clean_stop_runs_after_the_next_start(tmp_path: Path) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    with EmbeddedProcess(tmp_path / "data") as duetime:
        task = httpx.post(
            f"{duetime.url}/tasks",
            json={"description": "over the stop", "time": soon.isoformat(), "recurring": False},
        ).json()
        assert 0 == duetime.stop()
        duetime.start()
        runs = wait_for_a_run(duetime.url, task["id"])

        assert ["succeeded"] == [run["outcome"] for run in runs]


def wait_for_a_run(url: str, task_id: str) -> list[dict[str, object]]:
    until = time.monotonic() + 10.0
    while time.monotonic() < until:
        runs: list[dict[str, object]] = httpx.get(f"{url}/tasks/{task_id}/runs").json()
        if runs:
            return runs
        time.sleep(0.02)
    raise AssertionError("it did not run")


def run_it(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DUETIME, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PATH": "/usr/bin:/bin", "TERM": "dumb", "COLUMNS": "100", **(env or {})},
    )
