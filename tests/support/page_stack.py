"""The distributed system under the browser tests: `python -m tests.support.page_stack`.

Says where it is in one line of JSON, then obeys its standard input: `stop` kills every api, `start`
starts them again, each answered by `done`; the input's end ends the stack.
"""

import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.ports import free_port
from deploy.local.stack import Stack
from tests.support.stack import SETTLE_SECONDS_MAX, is_settled, wait_for

ACTIONS: Final = Path(__file__).parents[2] / "frontend" / "e2e" / "actions"


def main() -> None:
    """Run the stack until the input ends."""
    folder = Path(tempfile.mkdtemp(prefix="duetime-page-stack-"))
    environment = {
        "PYTHONPATH": str(ACTIONS),
        "DUETIME_EXECUTOR_ACTIONS": "duetime_e2e_actions",
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with Stack(folder, page_port=free_port(), environment=environment) as stack:
            wait_for(is_settled(stack), "partitions with owners", SETTLE_SECONDS_MAX)
            page = f"http://127.0.0.1:{stack.page_port}"
            say(json.dumps({"api": stack.url, "page": page}))
            for line in sys.stdin:
                obey(stack, line.strip())
                say("done")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def obey(stack: Stack, word: str) -> None:
    """Kill the apis, or start them again and wait until they are ready."""
    for api in stack.of_role("api"):
        if word == "stop":
            api.kill()
        else:
            api.start(stack.lines)
    if word == "start":
        stack.wait_ready()


def say(line: str) -> None:
    """Tell whoever started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
