"""The figures of take-overs are told as their program tells them, also when it changes."""

from collections.abc import Iterator

from tests.chaos.figures import DOCUMENT, Kill, budget, running

READY = 4  # the column, counted from the left


def test_the_document_holds_each_table_of_take_overs_against_the_budget() -> None:
    tables = list(take_overs())
    text = DOCUMENT.read_text(encoding="utf-8")

    assert [] != tables
    assert [True] * len(tables) == [f"|\n\n{budget(kills)}\n" in text for kills in tables]


def test_the_document_says_what_was_running_during_the_take_overs() -> None:
    assert running() in DOCUMENT.read_text(encoding="utf-8")


def take_overs() -> Iterator[list[Kill]]:
    """Give the kills of each table."""
    _, *parts = DOCUMENT.read_text(encoding="utf-8").split("| kill of |")
    for part in parts:
        rows = [line.split("|") for line in part.partition("\n\n")[0].splitlines()[2:]]
        yield [
            Kill(role=row[1].split()[0], at=0.0, parts=frozenset(), ready=float(row[READY]))
            for row in rows
        ]
