"""Lateness as a picture: over time, and how it is distributed.

Knows drawing; judges nothing. The left half has a column for each quarter of a second with p50, p99
and the maximum, on a logarithmic scale; the right half the share of runs within each lateness.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from typing import Final

from bench.clients import percentile

_WIDTH: Final = 900
_HEIGHT: Final = 330
_TOP: Final = 40
_BOTTOM: Final = 290
_LEFT: Final = 60
_MIDDLE: Final = 560
_RIGHT: Final = 880
_FLOOR: Final = 1e-4  # seconds
_CEILING: Final = 10.0
_COLUMN_SECONDS: Final = 0.25
_LINES: Final = (("p50", 0.50, "#2a7f62"), ("p99", 0.99, "#d08c1d"), ("max", 1.0, "#b3392f"))


def picture(title: str, starts: Sequence[tuple[float, float]]) -> str:
    """Draw starts (due time and lateness, in seconds, in due order) as an SVG document."""
    first = starts[0][0] if starts else 0.0
    columns: defaultdict[int, list[float]] = defaultdict(list)
    for due, late in starts:
        columns[int((due - first) / _COLUMN_SECONDS)].append(late)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="11">'
        ),
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="13">{escape(title)}</text>',
        *_scale(),
        *_over_time(columns),
        *_distribution(sorted(late for _, late in starts)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _y(seconds: float) -> float:
    share = math.log10(min(_CEILING, max(_FLOOR, seconds)) / _FLOOR) / math.log10(_CEILING / _FLOOR)
    return _BOTTOM - share * (_BOTTOM - _TOP)


def _scale() -> list[str]:
    parts = []
    for exponent in range(-4, 2):
        y = _y(10.0**exponent)
        shown = f"{10.0 ** (exponent + 3):g} ms" if exponent < 0 else f"{10**exponent} s"
        parts.append(
            f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e3e3"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{shown}</text>'
        )
    return parts


def _over_time(columns: dict[int, list[float]]) -> list[str]:
    if not columns:
        return []
    last = max(columns)
    parts = []
    for number, (name, share, color) in enumerate(_LINES):
        points = " ".join(
            f"{_LEFT + (_MIDDLE - 40 - _LEFT) * column / max(1, last):.1f},"
            f"{_y(percentile(columns[column], share)):.1f}"
            for column in sorted(columns)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}"/>')
        parts.append(f'<text x="{_LEFT + 8 + 40 * number}" y="52" fill="{color}">{name}</text>')
    seconds = (last + 1) * _COLUMN_SECONDS
    parts.append(f'<text x="{_LEFT}" y="308">due time, 0 to {seconds:g} s</text>')
    return parts


def _distribution(late: Sequence[float]) -> list[str]:
    """Draw which share of the runs started within each lateness: 90, 99, 99.9 % at equal steps."""
    if not late:
        return []
    points = []
    for step in range(201):
        nines = 4 * step / 200
        at = min(len(late) - 1, int((1 - 10**-nines) * len(late)))
        points.append(f"{_MIDDLE + (_RIGHT - _MIDDLE) * step / 200:.1f},{_y(late[at]):.1f}")
    marks = [
        f'<text x="{_MIDDLE + (_RIGHT - _MIDDLE) * nines / 4:.0f}" y="308" text-anchor="middle">'
        f"{shown}</text>"
        for nines, shown in enumerate(("0 %", "90 %", "99 %", "99.9 %", "99.99 %"))
    ]
    return [f'<polyline points="{" ".join(points)}" fill="none" stroke="#34558b"/>', *marks]
