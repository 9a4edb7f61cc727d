"""The page's server, by the configuration of its image, in an nginx of this machine."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.balancer import missing
from deploy.local.ports import free_port
from deploy.tools import ROOT
from duetime.http.page import _POLICY as PAGE_POLICY
from tests.support.dockerfile import stages

TEMPLATE = ROOT / "deploy/images/page.conf.template"
VARIABLES = stages(ROOT / "deploy/images/page.Dockerfile")[""].environment
START_SECONDS_MAX = 10.0
# What the image's own nginx.conf says around the configuration of a server.
AROUND = """\
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ text/html html; text/css css; application/javascript js; image/svg+xml svg; }}
  include {folder}/default.conf;
}}
"""


def test_the_page_is_told_at_run_time_where_the_api_is(tmp_path: Path) -> None:
    with served(tmp_path, DUETIME_PAGE_API_URL="https://api.example.com") as page:
        told = page.get("/config.json")

        assert {"apiBaseUrl": "https://api.example.com"} == told.json()
        assert "application/json" == told.headers["content-type"]
        assert "connect-src 'self' https://api.example.com;" in policy(told)


def test_without_an_address_the_api_is_at_the_page_s_own_host(tmp_path: Path) -> None:
    with served(tmp_path) as page:
        told = page.get("/config.json")

        assert {"apiBaseUrl": None} == told.json()
        assert "connect-src 'self' http://127.0.0.1:3001;" in policy(told)


def test_an_api_under_a_path_is_allowed_by_its_origin_and_one_of_this_host_as_itself(
    tmp_path: Path,
) -> None:
    with served(tmp_path / "1", DUETIME_PAGE_API_URL="https://example.com:8443/api") as page:
        assert "connect-src 'self' https://example.com:8443;" in policy(page.get("/"))
    with served(tmp_path / "2", DUETIME_PAGE_API_URL="/api") as page:
        assert {"apiBaseUrl": "/api"} == page.get("/config.json").json()
        assert "connect-src 'self' ;" in policy(page.get("/"))


def test_it_is_served_under_the_same_policy_as_by_duetime_run(tmp_path: Path) -> None:
    with served(tmp_path, DUETIME_PAGE_API_URL="https://api.example.com") as page:
        assert PAGE_POLICY.format(origins="https://api.example.com") == policy(page.get("/"))


@pytest.mark.parametrize("path", ["/", "/tasks/4", "/config.json", "/assets/none.js"])
def test_every_answer_carries_the_headers_that_protect(tmp_path: Path, path: str) -> None:
    with served(tmp_path) as page:
        headers = page.get(path).headers

        assert "nosniff" == headers["x-content-type-options"]
        assert "no-referrer" == headers["referrer-policy"]
        assert "same-origin" == headers["cross-origin-opener-policy"]
        assert "nginx" == headers["server"]
        assert "default-src 'none'" in headers["content-security-policy"]


def test_a_file_with_a_hash_in_its_name_is_kept_and_everything_else_is_asked_for_anew(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as page:
        kept = page.get("/assets/index-abc.js")
        place = page.get("/tasks/4")

        assert "public, max-age=31536000, immutable" == kept.headers["cache-control"]
        assert "no-cache" == place.headers["cache-control"]
        assert "no-cache" == page.get("/config.json").headers["cache-control"]
        assert "<title>Duetime</title>" in place.text


def test_a_file_that_is_not_there_is_no_page_and_is_not_kept(tmp_path: Path) -> None:
    with served(tmp_path) as page:
        answer = page.get("/assets/gone.js")

        assert httpx.codes.NOT_FOUND == answer.status_code
        assert "cache-control" not in answer.headers


def test_it_says_that_it_lives_to_whoever_probes_it(tmp_path: Path) -> None:
    with served(tmp_path) as page:
        assert "alive\n" == page.get("/livez").text


def policy(answer: httpx.Response) -> str:
    return answer.headers["content-security-policy"]


@contextmanager
def served(folder: Path, **told: str) -> Iterator[httpx.Client]:
    """Put the variables in as the image does, and start an nginx on what comes out."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    html = folder / "html"
    (html / "assets").mkdir(parents=True)
    (html / "index.html").write_text("<title>Duetime</title>")
    (html / "config.json").write_text("{}")
    (html / "assets" / "index-abc.js").write_text("// the page")
    port = free_port()
    # Root's workers become nobody, who may not read a folder of tests.
    user = "user root;" if os.geteuid() == 0 else ""
    variables = VARIABLES | told | {"DUETIME_PAGE_LISTEN": f"127.0.0.1:{port}"}
    text = re.sub(
        r"\$\{(DUETIME_PAGE_\w+)\}", lambda m: variables[m[1]], TEMPLATE.read_text(encoding="utf-8")
    ).replace("/usr/share/nginx/html", str(html))
    (folder / "default.conf").write_text(text)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user))
    program = shutil.which("nginx")
    assert program is not None
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_until_it_answers(client, process)
            yield client
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)


def wait_until_it_answers(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while True:
        assert process.poll() is None, "nginx ended"
        assert time.monotonic() < until, "nginx does not answer"
        try:
            client.get("/livez")
        except httpx.TransportError:
            time.sleep(0.02)  # noqa: TID251 - between bounded looks at another process
        else:
            return
