"""The api's documentation as one plain page: rendered here, so that it needs no other server.

Knows OpenAPI 3.1 as our document uses it, and HTML; no script, nothing fetched.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

import orjson

from duetime.http.problem import PROBLEM_TYPES, ProblemType

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0a7d5a; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); padding: .75rem 1rem; border-radius: 6px; overflow-x: auto; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { margin-top: 2rem; }
h3 b { color: var(--accent); display: inline-block; min-width: 4.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
"""

_ELSEWHERE: Final = """<p>As a document for programs:
<a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). Beside it there are
<a href="/livez">/livez</a>, <a href="/readyz?verbose">/readyz</a> and
<a href="/metrics">/metrics</a>.</p>"""


def render(document: Mapping[str, Any]) -> str:
    """Give the whole page."""
    information = document["info"]
    parts = [
        f"<h1>{escape(information['title'])} {escape(information['version'])}</h1>",
        *(f"<p>{_text(part)}</p>" for part in information["description"].split("\n\n")),
        _ELSEWHERE,
        "<h2>Operations</h2>",
        *_operations(document),
        "<h2>Shapes</h2>",
        *_shapes(document["components"]["schemas"]),
        "<h2>Problems</h2>",
        "<table><tr><th>status<th>type<th>what it means</tr>",
        *(_problem_row(kind) for kind in PROBLEM_TYPES.values()),
        "</table>",
    ]
    return _page("Duetime API", parts)


def render_problem(kind: ProblemType) -> str:
    """Give the page of one type of problem."""
    return _page(
        kind.title,
        [
            f"<h1>{_text(kind.title)}</h1>",
            f"<p>Status {kind.status}, type <code>{escape(kind.uri)}</code></p>",
            f"<p>{_text(kind.advice)}</p>",
            '<p><a href="/docs">All of the API</a></p>',
        ],
    )


def _page(title: str, parts: list[str]) -> str:
    body = "\n".join(parts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f'<h3 id="{escape(operation["operationId"])}">'
            yield f"<b>{method.upper()}</b> <code>{escape(path)}</code></h3>"
            yield f"<p>{_text(operation['summary'])}.</p>"
            yield from _parameters(operation.get("parameters", []))
            if "requestBody" in operation:
                yield from _body(operation["requestBody"], document["components"]["schemas"])
            yield "<table><tr><th>answer<th>what</tr>"
            for status, answer in operation["responses"].items():
                headers = ", ".join(
                    f"<code>{escape(name)}</code>" for name in answer.get("headers", ())
                )
                also = f"<br>headers: {headers}" if headers else ""
                shape = _shape_of(answer)
                yield f"<tr><th>{status}<td>{_text(answer['description'])}{shape}{also}</tr>"
            yield "</table>"


def _parameters(parameters: list[Mapping[str, Any]]) -> Iterator[str]:
    if not parameters:
        return
    yield "<table><tr><th>parameter<th>in<th>what</tr>"
    for parameter in parameters:
        yield (
            f"<tr><th><code>{escape(parameter['name'])}</code><td>{escape(parameter['in'])}"
            f"<td>{_text(parameter.get('description', ''))}</tr>"
        )
    yield "</table>"


def _body(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    for content in body["content"].values():
        schema = content["schema"]
        name = schema.get("$ref", "").rpartition("/")[2]
        examples = schemas.get(name, {}).get("examples", [])
        yield f"<p>Body: {_type(schema)}{', for example' if examples else ''}</p>"
        for example in examples:
            yield f"<pre>{escape(orjson.dumps(example, option=orjson.OPT_INDENT_2).decode())}</pre>"


def _shape_of(answer: Mapping[str, Any]) -> str:
    for content in answer.get("content", {}).values():
        return f": {_type(content['schema'])}"
    return ""


def _shapes(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f'<h3 id="shape-{escape(name)}">{escape(name)}</h3>'
        yield f"<p>{_text(schema.get('description', ''))}</p>"
        if "enum" in schema:
            yield f"<p>{_type(schema)}</p>"
            continue
        required = set(schema.get("required", ()))
        yield "<table><tr><th>field<th>type<th>what</tr>"
        for field, member in schema.get("properties", {}).items():
            mark = "" if field in required else " (optional)"
            yield (
                f"<tr><th><code>{escape(field)}</code>{mark}<td>{_type(member)}"
                f"<td>{_text(member.get('description', ''))}</tr>"
            )
        yield "</table>"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(_type(branch) for branch in schema[union])
    if "const" in schema:
        return f"<code>{escape(repr(schema['const']))}</code>"
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "anything"))


def _link(name: str) -> str:
    return f'<a href="#shape-{escape(name)}">{escape(name)}</a>'


def _problem_row(kind: ProblemType) -> str:
    return (
        f'<tr><td>{kind.status}<td><a href="{escape(kind.uri)}">{escape(kind.slug)}</a>'
        f"<td>{_text(kind.title)}. {_text(kind.advice)}</tr>"
    )


def _text(text: str) -> str:
    """Give text as HTML; what stands between back-quotes is code."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts)
    )
