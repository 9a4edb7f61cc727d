"""Bodies of the usual shape: read in one step, they are what the thorough way makes of them."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetime.api.body import parse_json
from duetime.api.definitions import new_definition, read_wish
from duetime.api.quick import cut_quickly, read_quickly
from duetime.http.problem import ProblemError

PLAIN: Final = '{"description":"Water","time":"2030-01-31T09:30:00Z","recurring":false}'
KEY: Final = "idempotency_key"


def tasks() -> st.SearchStrategy[dict[str, Any]]:
    """Draw bodies: most keep the rules, some nearly do."""
    return st.fixed_dictionaries(
        {
            "description": st.sampled_from(["Water", "time", " ", "", "a\x07b", "é" * 1_000])
            | st.text(max_size=8),
            "time": st.sampled_from(
                [
                    "2030-01-31T09:30:00Z",
                    "2030-01-31T09:30:00.123456Z",
                    "2030-01-31T09:30:00.123456+00:00",
                    "2030-01-31T09:30:00.123456+02:00",
                    "2030-01-31 09:30",
                    "2030-02-31T09:30:00.000000Z",
                    "2030-W05-4T09:30:00.12345Z",
                    "2030-01-31T24:00:00.000000Z",
                    "2030-01-31T09:30:60.000000Z",
                    "2030-01-31",
                ]
            ),
            "recurring": st.booleans(),
        },
        optional={
            "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Mars/Base"]),
            "action": st.sampled_from(
                [{"type": "log"}, {"type": "python", "name": "it"}, {"type": "python", "name": ""}]
            ),
            KEY: st.sampled_from(["one", "two", "", "ü"]),
        },
    )


@given(st.lists(tasks(), min_size=1, max_size=4))
def test_what_is_read_quickly_is_what_the_thorough_way_reads(bodies: list[dict[str, Any]]) -> None:
    text = json.dumps(bodies, ensure_ascii=False).encode(errors="replace")
    cut = cut_quickly(text)
    for body, one in zip(bodies, cut or [], strict=cut is not None):
        quick = read_quickly(one)
        if quick is None:
            continue
        said = {name: value for name, value in body.items() if name != KEY}
        wish = read_wish(said)

        assert new_definition(wish, None) == quick.wish.definition
        assert wish.fingerprint == quick.wish.fingerprint
        assert body.get(KEY, "") == quick.key


@pytest.mark.parametrize(
    "text",
    [
        PLAIN[:-1] + ',"time":"2030-01-31T09:30:00Z"}',
        PLAIN[:-1] + ',"action":{"type":"python","name":"a","name":"b"}}',
        PLAIN[:-1] + ',"tim\\u0065":"2031-01-31T09:30:00Z"}',
        PLAIN[:-1] + ',"unknown":1}',
        PLAIN[:-1] + ',"timeout_seconds":3}',
        PLAIN.replace("Water", "\\ud800"),
        PLAIN.replace("false", "0"),
        "3",
    ],
)
def test_what_takes_a_closer_look_gets_one(text: str) -> None:
    assert cut_quickly(f"[{PLAIN},{text}]".encode()) is None


def test_a_name_that_comes_twice_in_different_tasks_is_seen() -> None:
    twice = PLAIN[:-1] + ',"timezone":"UTC","timezone":"UTC"}'
    text = f"[{twice},{PLAIN}]".encode()

    assert cut_quickly(text) is None
    with pytest.raises(ProblemError):
        parse_json(twice.encode())


def test_the_usual_shape_is_read_quickly() -> None:
    python = PLAIN[:-1] + ',"action":{"type":"python","name":"it"},"idempotency_key":"k"}'
    cut = cut_quickly(f"[{PLAIN},{python}]".encode())

    assert cut is not None
    assert ["", "k"] == [quick.key for one in cut if (quick := read_quickly(one)) is not None]
