"""Dockerfiles as this machine can follow them: what is copied, what is set, what is run.

Knows the instructions that ours use, and how .dockerignore admits files; builds no image.
"""

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from deploy.tools import ROOT
from tests.tidy.repository import files

_DOCKERIGNORE: Final = ROOT / ".dockerignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction: its word in capitals, and the rest with its lines joined."""

    word: str
    rest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What lies between two FROMs. `base` is an image or another stage."""

    name: str
    base: str
    instructions: tuple[Instruction, ...]

    def of(self, word: str) -> list[str]:
        """Give the rests of the instructions of this word."""
        return [one.rest for one in self.instructions if one.word == word]

    @property
    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        return _pairs(self.of("ENV"))


def stages(path: Path) -> dict[str, Stage]:
    """Read a Dockerfile; the last stage is also named `""`. Values of ARG are put into FROM."""
    arguments: dict[str, str] = {}
    found: dict[str, Stage] = {}
    name, base, inside = "", "", list[Instruction]()
    for one in [*_instructions(path), Instruction(word="FROM", rest="scratch AS end")]:
        if one.word == "FROM":
            if base:
                found[name] = Stage(name=name, base=base, instructions=tuple(inside))
            words = [word for word in one.rest.split() if not word.startswith("--")]
            base = Template(words[0]).substitute(arguments)
            name = words[2] if len(words) > 1 and one.rest != "scratch AS end" else ""
            inside = []
        elif one.word == "ARG" and not base:
            arguments |= _pairs([one.rest])
        else:
            inside.append(one)
    return found


def copied_from_context(stage: Stage) -> list[tuple[list[str], str]]:
    """Give each COPY out of the repository: its sources and its target."""
    copies = []
    for rest in stage.of("COPY"):
        words = shlex.split(rest)
        if not any(word.startswith("--from") for word in words):
            *sources, target = [word for word in words if not word.startswith("--")]
            copies.append((sources, target))
    return copies


@cache
def admitted() -> tuple[str, ...]:
    """List the repository's files that .dockerignore lets into a build."""
    rules = [
        (pattern.startswith("!"), _regex(pattern.lstrip("!")))
        for line in _DOCKERIGNORE.read_text(encoding="utf-8").splitlines()
        if (pattern := line.strip()) and not pattern.startswith("#")
    ]
    return tuple(path for path in files() if _is_admitted(path, rules))


def _is_admitted(path: str, rules: list[tuple[bool, re.Pattern[str]]]) -> bool:
    verdicts = [admits for admits, pattern in rules if pattern.fullmatch(path)]
    return not verdicts or verdicts[-1]


def _regex(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
    return re.compile(f"{text}(/.*)?")  # a folder is meant with all that is in it


def _instructions(path: Path) -> list[Instruction]:
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        Instruction(word=word.upper(), rest=rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def _pairs(rests: list[str]) -> dict[str, str]:
    words = [word for rest in rests for word in shlex.split(rest)]
    return {name: value for name, _, value in (word.partition("=") for word in words)}
