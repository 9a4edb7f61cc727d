"""/openapi.json, /docs and /problems/…: what the api says about itself, without the internet."""

from fastapi import Request, Response

from duetime.api import docs_page, openapi
from duetime.http.problem import PROBLEM_TYPES, UNKNOWN_PATH, Problem, ProblemError

_HTML = "text/html; charset=utf-8"
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


class DocsRoutes:
    """The endpoints over the one document."""

    async def document(self, _request: Request) -> Response:
        """Give the OpenAPI document."""
        return Response(openapi.text(), media_type="application/json")

    async def page(self, _request: Request) -> Response:
        """Give the document as a page for people."""
        page = docs_page.render(openapi.document())
        return Response(page, media_type=_HTML, headers=_HEADERS)

    async def problem(self, request: Request) -> Response:
        """Give the page of one type of problem: where its `type` URI leads."""
        kind = PROBLEM_TYPES.get(request.path_params["slug"])
        if kind is None:
            raise ProblemError(
                Problem(type=UNKNOWN_PATH, detail="there is no problem of this name; see /docs")
            )
        return Response(docs_page.render_problem(kind), media_type=_HTML, headers=_HEADERS)
