"""The page's files over HTTP: read once, served from memory, under a strict content policy.

Knows files and headers; nothing of what the page does. Any address that is no file is a place on
the page, and gets its one document.
"""

import mimetypes
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from duetime.http.asgi import Receive, Scope, Send, answer

_FILE_BYTES_MAX: Final = 4 * 1024 * 1024  # ten times the largest file of a page worth loading
_DOCUMENT: Final = "index.html"
_CONFIG: Final = "config.json"
# styled-components fills one empty style element through the CSSOM: this is the hash of nothing.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
    "font-src 'self'; img-src 'self'; connect-src 'self' {origins}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS: Final = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
)


class _File(NamedTuple):
    body: bytes
    content_type: str
    etag: str
    cache: str


class PageApp:
    """Serves a built page, and tells it where the API is."""

    def __init__(self, folder: Path, *, api_port: int) -> None:
        """Read `folder`. Raises FileNotFoundError where it holds no page.

        The page finds the API at its own host, at `api_port`.
        """
        self._api_port = api_port
        self._files = {
            str(path.relative_to(folder)): _read(path, folder)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.stat().st_size <= _FILE_BYTES_MAX
        }
        if _DOCUMENT not in self._files:
            raise FileNotFoundError(f"{folder} holds no {_DOCUMENT}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await answer(send, status=405, body=b"", content_type="text/plain")
            return
        headers = dict(scope["headers"])
        origin = self._api_origin(headers.get(b"host", b"localhost").decode("latin-1"))
        name = scope["path"].lstrip("/")
        if name == _CONFIG:
            file = _file(orjson.dumps({"apiBaseUrl": origin}), name)
        else:
            file = self._files.get(name) or self._files[_DOCUMENT]
        told = (
            ("content-security-policy", _POLICY.format(origins=origin)),
            ("cache-control", file.cache),
            ("etag", file.etag),
            *_HEADERS,
        )
        unchanged = headers.get(b"if-none-match", b"").decode("latin-1") == file.etag
        body = b"" if unchanged or scope["method"] == "HEAD" else file.body
        status = 304 if unchanged else 200
        await answer(send, status=status, body=body, content_type=file.content_type, headers=told)

    def _api_origin(self, host: str) -> str:
        name, _, port = host.rpartition(":")
        return f"http://{name if port.isdecimal() else host}:{self._api_port}"


def _read(path: Path, folder: Path) -> _File:
    return _file(path.read_bytes(), str(path.relative_to(folder)))


def _file(body: bytes, name: str) -> _File:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return _File(
        body=body,
        content_type=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        etag=f'"{blake2b(body, digest_size=12).hexdigest()}"',
        # The names of files in assets/ carry a hash of what is in them.
        cache="public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache",
    )
