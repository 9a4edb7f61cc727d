"""Slips that could be taken for something else, or answered with the wrong reason."""

import pytest

from tests.unit.api.harness import PLAIN, Api

JSON = [(b"content-type", b"application/json")]


async def test_a_field_of_another_type_of_action_is_not_offered_as_what_was_meant(
    api: Api,
) -> None:
    action = {"type": "log", "name": "water"}
    problem = (await api.client.post("/tasks", json={**PLAIN, "action": action})).json()

    assert ["is no known field; did you mean `type`?"] == [
        error["reason"] for error in problem["errors"]
    ]


@pytest.mark.parametrize("name", ["timezon", "descriptions", "foo"])
async def test_a_null_under_a_name_that_is_no_field_is_no_patch(api: Api, name: str) -> None:
    path = f"/tasks/{(await api.create())['id']}"
    refused = await api.client.patch(path, json={name: None})
    [error] = refused.json()["errors"]

    assert 422 == refused.status_code
    assert (name, f"/{name}") == (error["field"], error["pointer"])
    assert 1 == (await api.client.get(path)).json()["revision"]


async def test_a_batch_that_is_not_utf8_is_told_where(api: Api) -> None:
    response = await api.client.post(
        "/tasks/batch",
        content=b'[{"description": "caf\xe9"}]',
        headers={"content-type": "application/json"},
    )

    assert response.status_code < 500
    assert "is not UTF-8" in response.text


async def test_a_body_that_is_not_utf8_is_told_where(api: Api) -> None:
    body = b'{"description": "caf\xe9"}'
    refused = await api.client.post("/tasks", content=body, headers=JSON)

    assert 400 == refused.status_code
    assert "byte 21 (0xe9) is not UTF-8" == refused.json()["detail"]


async def test_two_content_types_are_none(api: Api) -> None:
    headers = [*JSON, (b"content-type", b"text/plain")]
    refused = await api.client.post("/tasks", content=b"{}", headers=headers)

    assert 415 == refused.status_code


@pytest.mark.parametrize(
    "condition", [{"if-match": '"7", "9"'}, {"if-match": 'W/"1"'}, {"if-none-match": "*"}]
)
async def test_a_condition_that_does_not_hold_is_told_the_revision_and_no_other(
    api: Api, condition: dict[str, str]
) -> None:
    path = f"/tasks/{(await api.create())['id']}"
    refused = await api.client.put(path, json=PLAIN, headers=condition)

    assert 412 == refused.status_code
    assert (
        "the task is at revision 1, which the request's condition excludes"
        == refused.json()["detail"]
    )


async def test_a_plus_that_became_a_space_is_explained(api: Api) -> None:
    refused = await api.client.get("/tasks?due_from=2030-01-01T00:00:00+02:00")
    [error] = refused.json()["errors"]

    assert 422 == refused.status_code
    assert "%2B" in error["rule"]
