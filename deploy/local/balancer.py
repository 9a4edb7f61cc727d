"""nginx as a process of this machine: the load balancer before the apis, and the page's server.

Knows nginx's configuration; nothing of Duetime but where its apis listen and where the page lies.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

HOW_TO_GET: Final = "needs nginx (Debian: apt-get install nginx-light)"

_STOP_SECONDS_MAX: Final = 10.0
_CONFIGURATION: Final = Template("""\
daemon off;
$user
worker_processes 1;
pid $folder/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  client_max_body_size 17m;
  client_body_buffer_size 2m;
  types { text/html html; text/css css; text/javascript js; application/json json map;
          image/svg+xml svg; image/png png; font/woff2 woff2; }
  upstream apis {
    least_conn;
    keepalive 64;
$servers
  }
  server {
    listen 127.0.0.1:$api_port backlog=2048;
    location / {
      proxy_pass http://apis;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $$http_host;
      proxy_buffering off;
      proxy_connect_timeout 1s;
      proxy_read_timeout 60s;
      proxy_next_upstream error timeout;
    }
  }
$page
}
""")
_PAGE: Final = Path(__file__).parents[1] / "images" / "page.conf.template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A built page in a folder, its port, and where it finds the API (empty: this host's 3001)."""

    folder: Path
    port: int
    api_url: str = ""

    def configuration(self) -> str:
        """Give what the image of the page gives to its nginx, for this machine."""
        told = {
            "${DUETIME_PAGE_API_URL}": self.api_url,
            "${DUETIME_PAGE_LISTEN}": f"127.0.0.1:{self.port}",
            "/usr/share/nginx/html": str(self.folder),
        }
        text = _PAGE.read_text(encoding="utf-8")
        for name, value in told.items():
            text = text.replace(name, value)
        return text


class BalancerError(Exception):
    """nginx could not be had; the message says why."""


def missing() -> str | None:
    """Say what this machine lacks, or None."""
    return None if shutil.which("nginx") else f"nginx not found: {HOW_TO_GET}"


class Balancer:
    """One nginx before several apis."""

    def __init__(
        self, folder: Path, *, port: int, apis: Sequence[int], page: Page | None = None
    ) -> None:
        """Listen on `port` for the apis' ports; serve the `page` on its own port."""
        self.port = port
        self._folder = folder
        servers = "\n".join(
            f"    server 127.0.0.1:{api} max_fails=1 fail_timeout=1s;" for api in apis
        )
        self._configuration = _CONFIGURATION.substitute(
            folder=folder,
            servers=servers,
            api_port=port,
            page="" if page is None else page.configuration(),
            # Root's workers would become nobody, who may not read a folder of root's.
            user="user root;" if os.geteuid() == 0 else "",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, follow: Callable[[subprocess.Popen[bytes]], None]) -> None:
        """Start it; `follow` reads what it says. Raises BalancerError where it does not come up."""
        lacking = missing()
        if lacking is not None:
            raise BalancerError(lacking)
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "nginx.conf"
        file.write_text(self._configuration, encoding="utf-8")
        self._process = subprocess.Popen(
            ["nginx", "-c", str(file), "-p", str(self._folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C is for us
        )
        follow(self._process)
        try:
            ended = self._process.wait(0.3)
        except subprocess.TimeoutExpired:
            return
        raise BalancerError(f"nginx ended with {ended}; is port {self.port} in use?")

    def stop(self) -> None:
        """End it. Harmless when repeated."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait(_STOP_SECONDS_MAX)
