"""How tests run here, and what a run says at its end: what it skipped, and how to get it.

Knows the bookkeeping of pytest and Hypothesis, not what the tests are about.
With FORBID_SKIPS set (the gate does it) a skipped test fails the run: a test that nobody
runs proves nothing.
"""

import os
from collections import Counter

import hypothesis
import pytest

FORBID_SKIPS = "FORBID_SKIPS"

# Examples are bounded by the timeout of their test: on a busy machine the clock of a single one
# says nothing. In the gate they are the same every time, so that a red run can be repeated.
hypothesis.settings.register_profile(
    "duetime",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("duetime")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a green run with skipped tests red where skips are forbidden."""
    if _forbidden() and _skips(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print each reason to skip once, with the number of tests that it kept from running."""
    skips = _skips(config)
    if not skips:
        return
    terminalreporter.section("not run here")
    for reason, tests in skips.most_common():
        terminalreporter.write_line(f"{tests} skipped: {reason}")
    if _forbidden():
        terminalreporter.write_line(f"{FORBID_SKIPS} is set, so this run fails.", red=True)


def _forbidden() -> bool:
    return os.environ.get(FORBID_SKIPS, "") not in {"", "0"}


def _skips(config: pytest.Config) -> Counter[str]:
    """Count the skipped tests by reason; a skip is told from the third field of its report."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, pytest.TerminalReporter):
        return Counter()
    reports = reporter.stats.get("skipped", [])
    return Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)
