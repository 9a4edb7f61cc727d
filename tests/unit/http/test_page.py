"""The page's files, as a browser gets them."""

from pathlib import Path

import httpx
import pytest

from duetime.http.page import PageApp


@pytest.fixture
def browser(tmp_path: Path) -> httpx.AsyncClient:
    (tmp_path / "index.html").write_text("<!doctype html><title>Duetime</title>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-abc.js").write_text("export {}")
    (tmp_path / "config.json").write_text("{}")
    app = PageApp(tmp_path, api_port=3901)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:3000")


async def test_every_address_that_is_no_file_is_the_page_itself(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/tasks/some-id", "/../secret"):
        answer = await browser.get(path)

        assert "<title>Duetime</title>" in answer.text
        assert "no-cache" == answer.headers["cache-control"]


async def test_assets_are_kept_for_ever_and_typed(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/assets/index-abc.js")

    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


async def test_the_page_is_told_where_the_api_is_and_may_connect_nowhere_else(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/config.json")

    assert {"apiBaseUrl": "http://localhost:3901"} == answer.json()
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self' http://localhost:3901;" in policy
    assert "unsafe" not in policy


async def test_what_is_known_is_not_sent_again(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/")
    again = await browser.get("/", headers={"if-none-match": first.headers["etag"]})

    assert 304 == again.status_code
    assert b"" == again.content


async def test_a_page_takes_no_writes(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/")

    assert 405 == answer.status_code


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no index"):
        PageApp(tmp_path, api_port=1)
