"""The page: its units and components, and its whole flow in a real browser on the real systems.

Knows how to call npm and what the machine must have; what is tested stands in frontend/.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.stack import missing as missing_for_stack

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "frontend"
# The Node that the Makefile fetched where the machine has none goes first.
PATH = os.pathsep.join(
    [*map(str, sorted(ROOT.glob(".build/node-*/bin"))), os.environ.get("PATH", "")]
)
NPM = shutil.which("npm", path=PATH)
CHROMIUM = Path(os.environ.get("DUETIME_CHROMIUM", "/usr/bin/chromium"))

needs_node = pytest.mark.skipif(
    not (FRONTEND / "node_modules").is_dir()
    or not (FRONTEND / "dist" / "index.html").is_file()
    or NPM is None,
    reason="the page's tests need Node 20, the page's packages and the built page: make page",
)
needs_chromium = pytest.mark.skipif(
    not CHROMIUM.exists(),
    reason="browser tests need Chromium (Debian: apt-get install chromium)",
)


@needs_node
@pytest.mark.timeout(330)
def test_the_pages_units_and_components_behave() -> None:
    npm("test", seconds_max=300)


@needs_node
def test_the_first_load_stays_within_its_budget() -> None:
    npm("run", "size", seconds_max=50)


@needs_node
@needs_chromium
@pytest.mark.browser
@pytest.mark.timeout(930)
def test_every_state_and_the_whole_flow_hold_in_a_browser_on_the_embedded_system() -> None:
    npm("run", "e2e", seconds_max=900)


@needs_node
@needs_chromium
@pytest.mark.browser
@pytest.mark.kafka
@pytest.mark.mongo
@pytest.mark.timeout(630)
@pytest.mark.skipif(missing_for_stack() is not None, reason=str(missing_for_stack()))
def test_the_whole_flow_holds_in_a_browser_on_the_distributed_system() -> None:
    npm("run", "e2e", "--", "--project", "flow", seconds_max=600, DUETIME_E2E="stack")


def npm(*words: str, seconds_max: float, **settings: str) -> None:
    """Run an npm command in the page's folder; on failure say what it printed."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("DUETIME_")
    }
    told = {"PATH": PATH, "CI": "1", "NO_COLOR": "1", "DUETIME_CHROMIUM": str(CHROMIUM)}
    with subprocess.Popen(
        [str(NPM), "--prefix", str(FRONTEND), *words],
        env=inherited | told | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # what it started goes with it
    ) as process:
        try:
            printed, _ = process.communicate(timeout=seconds_max)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, _ = process.communicate()
            pytest.fail(f"npm {' '.join(words)} did not end:\n{printed[-4_000:]}")

    assert 0 == process.returncode, printed[-6_000:]
