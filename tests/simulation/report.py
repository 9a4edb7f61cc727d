"""What a failing seed leaves behind: the command that replays it, a trace and a picture.

Knows where these are written; judges nothing.
"""

from pathlib import Path
from typing import Final

from tests.simulation.run import Verdict
from tests.simulation.svg import picture
from tests.simulation.switches import Switches
from tests.simulation.trace import trace

FOLDER: Final = Path(__file__).parents[2] / ".build" / "simulation"


def write(verdict: Verdict) -> str:
    """Write trace and picture of a seed; give what to print."""
    seed = verdict.switches.seed
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = FOLDER / f"seed-{seed}.txt"
    drawing = FOLDER / f"seed-{seed}.svg"
    text.write_text(trace(verdict.evidence, verdict.violations), encoding="utf-8")
    drawing.write_text(picture(verdict.evidence), encoding="utf-8")
    shown = [f"  {sentence}" for sentence in verdict.violations[:20]]
    return "\n".join(
        [
            f"seed {seed} breaks {len(verdict.violations)} promises:",
            *shown,
            f"replay it with: {replay_command(verdict.switches)}",
            (
                f"trace: {text.relative_to(FOLDER.parents[1])}, "
                f"picture: {drawing.relative_to(FOLDER.parents[1])}"
            ),
        ]
    )


def replay_command(switches: Switches) -> str:
    """Give the one command that lives through a history again."""
    only = f" --only {','.join(switches.only)}" if switches.only else ""
    story = f" --story {switches.story}" if switches.story else ""
    return f".venv/bin/python -m tests.simulation --seed {switches.seed}{only}{story}"
