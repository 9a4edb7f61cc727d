"""Write the generated documents, or with --check say which of them are out of date.

Knows which document comes from which generator. `make generate` and `make lint` call it.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from docs.generate import configuration, guarantees
from duetime.api import openapi

ROOT: Final = Path(__file__).parents[2]

DOCUMENTS: Final[dict[str, Callable[[Path], str]]] = {
    "docs/configuration.md": configuration.document,
    "docs/guarantees.md": guarantees.document,
    "docs/openapi.json": lambda _root: openapi.text().decode(),
}

CHECKS: Final[list[Callable[[Path], list[str]]]] = [
    guarantees.problems,
]


def main(arguments: list[str]) -> int:
    """Write the documents, or only compare them; the exit code is 1 where something is wrong."""
    complaints = [complaint for check in CHECKS for complaint in check(ROOT)]
    for name, document in DOCUMENTS.items():
        path, text = ROOT / name, document(ROOT)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if "--check" in arguments:
            complaints.append(f"{name} is out of date: run `make generate` and commit it")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
