"""The README's commands work as printed."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.embedded import EmbeddedProcess

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.promise("P2")
def test_the_curl_lines_of_the_readme_work_as_they_are_printed(tmp_path: Path) -> None:
    blocks = [block for block in shell_blocks() if "curl" in block]
    first, logs, daily, refused = blocks
    with EmbeddedProcess(tmp_path / "data") as duetime:
        created = run_block(first, duetime.port)
        madrid = run_block(daily, duetime.port)
        again = run_block(daily, duetime.port)
        problem = run_block(refused, duetime.port)
        time.sleep(6.0)  # as the README says
        lines = run_block(logs, duetime.port)

    assert "scheduled" == created["status"]
    assert "2030-01-07T08:00:00Z" == madrid["next_due_at"]
    assert madrid["id"] == again["id"]
    assert 422 == problem["status"]
    assert ["time"] == [error["field"] for error in problem["errors"]]
    assert 1 == len(lines)
    assert re.search(r'"Water the plants" \([0-9a-f-]{36}\)  ran, [\d.]+ (µs|ms) late', lines[0])


def shell_blocks() -> list[str]:
    text = README.read_text(encoding="utf-8")
    return re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)


def run_block(block: str, port: int) -> Any:
    """Run a block in a shell, against the port of the test; give the JSON that it prints."""
    script = block.replace("127.0.0.1:3001", f"127.0.0.1:{port}")
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return json.loads(ran.stdout)
