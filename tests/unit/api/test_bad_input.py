"""Whatever is wrong with a request: a problem that names the field and the rule, and no change."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from duetime.http.problem import PROBLEM_TYPES
from tests.unit.api.harness import PLAIN, Api

WRONG_FIELDS: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"description": ...}, "description", "is missing"),
    ({"description": None}, "description", "is null, not text"),
    ({"description": 3}, "description", "is a number, not text"),
    ({"description": ""}, "description", "is empty"),
    ({"description": " \n\t "}, "description", "is blank"),
    ({"description": "x" * 1_001}, "description", "has 1,001 characters"),
    ({"description": "bell\a"}, "description", "has the control character U+0007"),
    ({"description": "nul\0"}, "description", "has the control character U+0000"),
    ({"description": "c1\x85"}, "description", "has the control character U+0085"),
    ({"time": ...}, "time", "is missing"),
    ({"time": None}, "time", "is null, not text"),
    ({"time": 1_780_000_000}, "time", "is a number, not text"),
    ({"time": ""}, "time", "is not an ISO 8601 date and time"),
    ({"time": "tomorrow"}, "time", "is not an ISO 8601 date and time"),
    ({"time": "2026-06-02"}, "time", "is a date alone; the time of day is missing"),
    ({"time": "2026-W23-2T10:00"}, "time", "is not an ISO 8601 date and time"),
    ({"time": "2026-06-02T10"}, "time", "is not an ISO 8601 date and time"),
    ({"time": "2026-06-02T24:00:00Z"}, "time", "names a time of day that does not exist"),
    ({"time": "2026-06-02T10:60:00Z"}, "time", "names a time of day that does not exist"),
    (
        {"time": "2026-06-30T23:59:60Z"},
        "time",
        "names a second above 59 (leap seconds are not known here)",
    ),
    ({"time": "2026-02-29T10:00:00Z"}, "time", "names a day or an offset that does not exist"),
    ({"time": "2026-06-02T10:00:00+25:00"}, "time", "names a day or an offset that does not exist"),
    ({"time": "2026-06-02T10:00:00 Z"}, "time", "is not an ISO 8601 date and time"),
    ({"time": "2026-06-02T10:00:00Zulu"}, "time", "is not an ISO 8601 date and time"),
    ({"time": "\uff12026-06-02T10:00:00Z"}, "time", "is not an ISO 8601 date and time"),
    ({"time": "0001-01-01T00:00:00+14:00"}, "time", "lies outside of the years 1 to 9999"),
    ({"time": "9999-12-31T23:59:59-01:00"}, "time", "lies outside of the years 1 to 9999"),
    (
        {"time": "0001-01-01T00:00:00", "timezone": "Asia/Tokyo"},
        "time",
        "lies outside of the years 1 to 9999",
    ),
    ({"time": "2026-06-01T11:58:59Z"}, "time", "lies more than 60 s in the past"),
    ({"time": "1970-01-01T00:00:00Z"}, "time", "lies more than 60 s in the past"),
    ({"time": "2226-06-02T10:00:00Z"}, "time", "lies more than 100 years ahead"),
    ({"recurring": ...}, "recurring", "is missing"),
    ({"recurring": "true"}, "recurring", "is text, not true or false"),
    ({"recurring": 1}, "recurring", "is a number, not true or false"),
    ({"recurring": None}, "recurring", "is null, not true or false"),
    ({"timezone": "Mars/Olympus"}, "timezone", "is not a known time zone"),
    ({"timezone": ""}, "timezone", "is not a known time zone"),
    ({"timezone": "../etc/passwd"}, "timezone", "is not a known time zone"),
    ({"timezone": None}, "timezone", "is null, not text"),
    ({"recurrence": {"cron": "* * * * *"}}, "recurrence.rule", "is missing"),
    ({"recurrence": {"rule": "hourly"}}, "recurrence.rule", "is not what is known here"),
    ({"recurrence": "daily"}, "recurrence", "is text, not an object"),
    (
        {"recurrence": {"rule": "daily"}},
        "recurring",
        "is false although there is a `recurrence`",
    ),
    ({"action": None}, "action", "is null, not an object"),
    ({"action": "log"}, "action", "is text, not an object"),
    ({"action": {}}, "action.type", "is missing"),
    ({"action": {"type": "pyton"}}, "action.type", "is no known type of action"),
    ({"action": {"type": ["log"]}}, "action.type", "is no known type of action"),
    ({"action": {"type": "python"}}, "action.name", "is missing"),
    ({"action": {"type": "python", "name": ""}}, "action.name", "is empty"),
    (
        {"action": {"type": "python", "name": "wter"}},
        "action.name",
        "is not the name of a registered Python action",
    ),
    (
        {"action": {"type": "python", "name": "water", "args": []}},
        "action.args",
        "is an array, not an object",
    ),
    (
        {"action": {"type": "python", "nam": 1}},
        "action.nam",
        "is no known field; did you mean `name`?",
    ),
    ({"timeout_seconds": True}, "timeout_seconds", "is true, not a number"),
    ({"timeout_seconds": "5"}, "timeout_seconds", "is text, not a number"),
    ({"timeout_seconds": 0}, "timeout_seconds", "is too small"),
    ({"timeout_seconds": 86_401}, "timeout_seconds", "is too large"),
    ({"recuring": True}, "recuring", "is no known field; did you mean `recurring`?"),
    ({"Description": "x"}, "Description", "is no known field; did you mean `description`?"),
    ({"next_due": None}, "next_due", "is no known field; did you mean `next_due_at`?"),
]

WRONG_BODIES: Final[list[tuple[bytes, int, str]]] = [
    (b"", 400, "the body is empty"),
    (b"   ", 400, "the body is empty"),
    (b"{", 400, "line 1, column 2: "),
    (b'{"description": "a",\n "time": }', 400, "line 2, column 10: "),
    (b'{"time": NaN}', 400, "line 1, column 10: "),
    (b'{"time": Infinity}', 400, "line 1, column 10: "),
    (b'{"timeout_seconds": 1e400}', 400, "line 1, column 21: "),
    (b'{"a": 1, "a": 2}', 400, 'the name "a" comes twice in one object'),
    (b'{"args": {"b": 1, "b": 1}}', 400, 'the name "b" comes twice in one object'),
    (b'{"a": 123456789012345678901}', 400, "does not fit in 64 bits"),
    (b'{"a": ' + b"9" * 5_000 + b"}", 400, "line 1, column 7: "),
    (b'"\xff"', 400, "byte 2 (0xff) is not UTF-8"),
    (b'{"description": "\\ud800"}', 400, "line 1, column "),
    (b"\xef\xbb\xbf{}", 400, "line 1, column 1: "),
    (b"[" * 33 + b"]" * 33, 400, "nest deeper than 32 levels"),
    (b"[" * 100_000, 400, "line 1, column "),
    (b"[]", 422, "body is an array, not an object"),
    (b"null", 422, "body is null, not an object"),
    (b'"text"', 422, "body is text, not an object"),
    (b"3", 422, "body is a number, not an object"),
    (b'"' + b"x" * 262_143 + b'"', 413, "the body is larger than 256 KiB"),
]

WRONG_IDS: Final = [
    "x",
    "logs2",
    "1",
    "null",
    "00000000-0000-7000-8000-000000000000",
    "00000000-0000-7000-8000-00000000000",
    "00000000000070008000000000000000",
    "{00000000-0000-7000-8000-000000000000}",
    "00000000-0000-7000-8000-000000000000%0A",
    "%00",
    "%FF",
    "..%2e",
    "x" * 10_000,
    "%F0%9F%8C%B1",
]


def _body(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**PLAIN, **fields}.items() if value is not ...}


@pytest.mark.parametrize(("fields", "field", "reason"), WRONG_FIELDS)
async def test_a_wrong_field_is_named_with_its_reason_and_rule_and_nothing_changes(
    api: Api, fields: dict[str, Any], field: str, reason: str
) -> None:
    response = await api.client.post("/tasks", json=_body(fields))
    problem = response.json()

    assert 422 == response.status_code
    assert "application/problem+json" == response.headers["content-type"]
    assert "/problems/invalid-fields" == problem["type"]
    assert (field, reason) in [(error["field"], error["reason"]) for error in problem["errors"]]
    assert all(error["rule"] for error in problem["errors"])
    assert f"/{field.replace('.', '/')}" in [error["pointer"] for error in problem["errors"]]
    assert [0, 0] == await api.ends()


@pytest.mark.parametrize(("fields", "field", "reason"), WRONG_FIELDS)
async def test_a_wrong_field_is_refused_by_put_as_by_post(
    api: Api, fields: dict[str, Any], field: str, reason: str
) -> None:
    task = await api.create()
    ends = await api.ends()
    drops_the_recurrence = fields.get("recurrence") == {"rule": "daily"}
    response = await api.client.put(f"/tasks/{task['id']}", json=_body(fields))

    # `recurring: false` drops a recurrence that is carried back.
    assert (200 if drops_the_recurrence else 422) == response.status_code
    assert drops_the_recurrence or (field, reason) in [
        (error["field"], error["reason"]) for error in response.json()["errors"]
    ]
    assert drops_the_recurrence or ends == await api.ends()


@pytest.mark.parametrize(("body", "status", "detail"), WRONG_BODIES)
async def test_a_wrong_body_is_refused_with_its_place_and_nothing_changes(
    api: Api, body: bytes, status: int, detail: str
) -> None:
    headers = {"content-type": "application/json"}
    response = await api.client.post("/tasks", content=body, headers=headers)

    assert status == response.status_code
    assert "application/problem+json" == response.headers["content-type"]
    assert detail in response.json()["detail"]
    assert [0, 0] == await api.ends()


async def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    response = await api.client.post("/tasks", json={"tme": 1})

    assert ["description", "time", "recurring", "tme"] == [
        error["field"] for error in response.json()["errors"]
    ]


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berlim", "Europe/Berlin"),
        ("new york", "America/New_York"),
    ],
)
async def test_a_zone_that_was_almost_right_is_suggested(api: Api, wrong: str, near: str) -> None:
    response = await api.client.post("/tasks", json={**PLAIN, "timezone": wrong})

    assert [near] == [error["suggestion"] for error in response.json()["errors"]]


async def test_known_python_actions_are_listed_where_the_name_is_unknown(api: Api) -> None:
    action = {"type": "python", "name": "wter"}
    response = await api.client.post("/tasks", json={**PLAIN, "action": action})
    (error,) = response.json()["errors"]

    assert "water" in error["rule"]
    assert "water" == error["suggestion"]


async def test_a_body_in_parts_is_counted_while_it_comes(api: Api) -> None:
    taken = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1_000):
            taken += 1
            yield b" " * 1_024

    headers = {"content-type": "application/json"}
    response = await api.client.post("/tasks", content=parts(), headers=headers)

    assert 413 == response.status_code
    assert 262_144 == response.json()["bytes_max"]
    assert 257 == taken
    assert [0, 0] == await api.ends()


async def test_a_body_in_parts_within_the_limit_is_taken(api: Api) -> None:
    async def parts() -> AsyncIterator[bytes]:
        text = json.dumps(PLAIN).encode()
        for start in range(0, len(text), 7):
            yield text[start : start + 7]

    headers = {"content-type": "application/json"}
    response = await api.client.post("/tasks", content=parts(), headers=headers)

    assert 201 == response.status_code


async def test_a_body_of_exactly_the_limit_is_read(api: Api) -> None:
    text = json.dumps({**PLAIN, "action": {"type": "python", "name": "water", "args": {"x": ""}}})
    padded = text.replace('"x": ""', '"x": "' + "y" * (262_144 - len(text)) + '"')
    headers = {"content-type": "application/json"}
    response = await api.client.post("/tasks", content=padded, headers=headers)

    assert 262_144 == len(padded)
    assert 201 == response.status_code


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
async def test_a_body_that_is_no_plain_json_is_refused(api: Api, headers: dict[str, str]) -> None:
    body = json.dumps(PLAIN).encode()
    response = await api.client.post("/tasks", content=body, headers=headers)

    assert 415 == response.status_code
    assert "/problems/unsupported-media-type" == response.json()["type"]
    assert [0, 0] == await api.ends()


@pytest.mark.parametrize(
    "content_type",
    ["application/json;charset=UTF-8", "Application/JSON", "application/merge-patch+json"],
)
async def test_json_is_taken_under_each_of_its_names(api: Api, content_type: str) -> None:
    body = json.dumps(PLAIN).encode()
    headers = {"content-type": content_type}

    assert 201 == (await api.client.post("/tasks", content=body, headers=headers)).status_code


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("task_id", WRONG_IDS)
async def test_an_id_of_whatever_shape_that_is_no_task_s_is_not_found(
    api: Api, method: str, task_id: str
) -> None:
    body = PLAIN if method == "PUT" else None
    response = await api.client.request(method, f"/tasks/{task_id}", json=body)

    assert 404 == response.status_code
    assert "/problems/unknown-task" == response.json()["type"]
    assert [0, 0] == await api.ends()


async def test_an_id_in_capitals_is_another_id(api: Api) -> None:
    task = await api.create()
    response = await api.client.get(f"/tasks/{task['id'].upper()}")

    assert 404 == response.status_code


async def test_logs_is_no_task_and_is_only_read(api: Api) -> None:
    assert 405 == (await api.client.put("/tasks/logs", json=PLAIN)).status_code
    assert 405 == (await api.client.delete("/tasks/logs")).status_code


async def test_the_runs_of_an_unknown_task_are_not_found(api: Api) -> None:
    assert 404 == (await api.client.get("/tasks/x/runs")).status_code


async def test_what_is_wrong_with_the_id_is_said_before_what_is_wrong_with_the_body(
    api: Api,
) -> None:
    response = await api.client.put("/tasks/x", content=b"{")

    assert 404 == response.status_code


async def test_every_type_of_problem_has_a_page_where_its_uri_leads(api: Api) -> None:
    pages = [await api.client.get(kind.uri) for kind in PROBLEM_TYPES.values()]

    assert {200} == {page.status_code for page in pages}
    assert all(
        kind.slug in page.text for kind, page in zip(PROBLEM_TYPES.values(), pages, strict=True)
    )
