"""The OpenAPI document: whole, and the one that is committed."""

from pathlib import Path

from fastapi.routing import APIRoute

from duetime.api import openapi
from duetime.api.schemas import READ_ONLY, TaskAnswer, TaskBody
from tests.unit.api.harness import Api

SNAPSHOT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_committed_document_is_current() -> None:
    # Out of date? `make generate`, and read the difference.
    assert SNAPSHOT.read_bytes() == openapi.text()


async def test_the_api_serves_the_document(api: Api) -> None:
    response = await api.client.get("/openapi.json")

    assert openapi.text() == response.content
    assert "3.1.0" == response.json()["openapi"]


async def test_every_operation_that_is_served_is_described(api: Api) -> None:
    served = {("GET", "/events")} | {
        (method, route.path_format)
        for route in api.app.framework.routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in (route.methods or set()) - {"HEAD"}  # the same as GET, without the body
    }

    assert set(openapi.OPERATIONS) == served


def test_every_operation_has_a_name_a_tag_and_its_problems() -> None:
    operations = [
        operation for path in openapi.document()["paths"].values() for operation in path.values()
    ]
    names = [operation["operationId"] for operation in operations]

    assert sorted(set(names)) == sorted(names)
    assert all(operation["tags"] for operation in operations)
    assert all("422" in operation["responses"] for operation in operations)
    assert all("503" in operation["responses"] for operation in operations)


def test_every_reference_leads_somewhere() -> None:
    text = openapi.text().decode()
    schemas = openapi.document()["components"]["schemas"]
    named = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert named <= set(schemas)


def test_every_field_of_an_answer_may_be_carried_back() -> None:
    assert set(TaskAnswer.model_fields) == set(TaskBody.model_fields) | READ_ONLY
