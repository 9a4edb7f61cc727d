"""The documents and other texts of the repository: complete, and true on every machine."""

import re
from typing import Final

import pytest

from tests.tidy.repository import ROOT, files

# A lock file names its registry; nothing else may, so that a mirror serves as well.
REGISTRY_HOSTS: Final = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com"
    r"|repo1?\.maven\.(?:apache\.)?org|proxy\.golang\.org|index\.crates\.io|deb\.debian\.org"
)
MACHINE_PATHS: Final = re.compile(r"(?<![\w.)}-])/(?:home|Users|root|work|tmp)/\w")
LOCK_FILES: Final = {"uv.lock", "frontend/package-lock.json"}

ADR_SECTIONS: Final = ["## Context", "## Decision", "## Consequences"]
ADRS: Final = [path for path in files() if re.fullmatch(r"docs/adr/\d{4}-[a-z0-9-]+\.md", path)]


def test_no_text_names_a_registry_or_a_place_on_one_machine() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in _texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if REGISTRY_HOSTS.search(line) or MACHINE_PATHS.search(line)
    ]

    assert [] == found


def test_the_index_lists_every_decision_record_in_order() -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    listed = [f"docs/adr/{name}" for name in re.findall(r"\]\((\d{4}-[^)]+\.md)\)", index)]

    assert ADRS == listed


def test_decision_records_are_numbered_without_a_gap() -> None:
    numbers = [int(path.removeprefix("docs/adr/")[:4]) for path in ADRS]

    assert list(range(1, len(ADRS) + 1)) == numbers


@pytest.mark.parametrize("path", ADRS)
def test_a_decision_record_has_a_status_and_every_section(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")

    assert ADR_SECTIONS == [line for line in text.splitlines() if line in ADR_SECTIONS]
    assert re.search(r"^Status: (proposed|accepted|superseded by \d{4}), ", text, re.MULTILINE)


@pytest.mark.parametrize("path", [path for path in files() if path.endswith(".md")])
def test_links_between_documents_lead_somewhere(path: str) -> None:
    document = ROOT / path
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    broken = [target for target in targets if not (document.parent / target).exists()]

    assert [] == broken


def _texts() -> dict[str, str]:
    """Give the text of every file that is text and no lock file."""
    contents = {path: (ROOT / path).read_bytes() for path in files() if path not in LOCK_FILES}
    return {
        path: content.decode("utf-8", errors="replace")
        for path, content in contents.items()
        if b"\0" not in content
    }
