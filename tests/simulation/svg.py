"""A history as a picture: each task's targets and runs over time, faults as bands behind them.

Knows drawing; judges nothing. A target is the ten seconds after a due time, a run a bar from its
start to its end: a run that does not begin inside a target is what to look at.
"""

from html import escape
from typing import Final

from tests.simulation.evidence import Evidence
from tests.simulation.history import Fault, seconds_of

_LEFT: Final = 170
_SECOND: Final = 12
_ROW: Final = 16
_COLORS: Final = {
    "timer": "#f4b183",
    "executor": "#f08080",
    "api": "#bcd4ee",
    "projector": "#cfe8cf",
}


def picture(evidence: Evidence) -> str:
    """Draw a history as an SVG document."""
    ended_at = evidence.history.quiet_from + 15.0
    rows = {task_id: row for row, task_id in enumerate(sorted(evidence.tasks))}
    height = (len(rows) + 3) * _ROW
    width = _LEFT + ended_at * _SECOND
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
            f'font-family="monospace" font-size="10">'
        ),
        f"<title>seed {evidence.switches.seed}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        *(_band(fault, height) for fault in evidence.history.faults),
        *_axis(ended_at, height),
        *_targets(evidence, rows, ended_at),
        *_runs(evidence, rows, ended_at),
        "</svg>",
    ]
    return "\n".join(parts)


def _x(at: float) -> float:
    return _LEFT + max(0.0, at) * _SECOND


def _band(fault: Fault, height: int) -> str:
    color = _COLORS.get(fault.role, "#d9d9d9")
    width = max(2.0, (fault.until - fault.at) * _SECOND)
    told = escape(f"{fault.kind} {fault.target} {fault.note} at {fault.at:.3f}")
    return (
        f'<rect x="{_x(fault.at):.1f}" y="0" width="{width:.1f}" height="{height}" '
        f'fill="{color}" opacity="0.35"><title>{told}</title></rect>'
    )


def _axis(ended_at: float, height: int) -> list[str]:
    return [
        f'<line x1="{_x(second)}" y1="0" x2="{_x(second)}" y2="{height}" stroke="#eeeeee"/>'
        f'<text x="{_x(second)}" y="{height - 4}">{second}</text>'
        for second in range(0, int(ended_at), 10)
    ]


def _targets(evidence: Evidence, rows: dict[str, int], ended_at: float) -> list[str]:
    parts = []
    for task_id, task in sorted(evidence.tasks.items()):
        y = (rows[task_id] + 1) * _ROW
        parts.append(f'<text x="2" y="{y + 10}">{task_id[-12:]}</text>')
        for version in task.versions:
            due = max(version.time, version.timed_since)
            if due > ended_at:
                continue
            gone = version.deleted or (version.until is not None and version.until < due)
            fill = "#e8e8e8" if gone else "#d5f0d5"
            told = escape(
                f"revision {version.revision} due {due:.3f} {version.description}"
                f"{' (changed before)' if gone else ''}"
            )
            parts.append(
                f'<rect x="{_x(due):.1f}" y="{y + 2}" width="{10 * _SECOND}" height="{_ROW - 4}" '
                f'fill="{fill}" stroke="#7fbf7f"><title>{told}</title></rect>'
            )
    return parts


def _runs(evidence: Evidence, rows: dict[str, int], ended_at: float) -> list[str]:
    parts = []
    for start in evidence.starts:
        if start.task_id not in rows or start.at > ended_at:
            continue
        y = (rows[start.task_id] + 1) * _ROW
        end = start.ended_at if start.ended_at is not None else start.at + 0.3
        color = "#1f4e9c" if start.ended_at is not None else "#c00000"
        told = escape(
            f"{start.run_id[-12:]} #{start.attempt} at {start.at:.3f} by {start.process}, "
            f"nominal {seconds_of(start.nominal_at):.3f}, {start.description}"
        )
        width = max(3.0, (end - start.at) * _SECOND)
        parts.append(
            f'<rect x="{_x(start.at):.1f}" y="{y + 5}" width="{width:.1f}" height="{_ROW - 10}" '
            f'fill="{color}"><title>{told}</title></rect>'
        )
    return parts
