"""Settings: frozen classes, read once from the environment, refused when anything is odd.

Knows variables, files of secrets and sentences about them; not what any setting means.
Several services may live in one process and share one environment: an `Environment` is opened with
all the classes of that process, and what none of them knows is refused with the nearest name.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

PREFIX: Final = "DUETIME_"
_FILE_SUFFIX: Final = "_FILE"
_MASK: Final = "********"


class SettingsError(Exception):
    """What the environment says cannot be used; a sentence per variable says what it may be."""

    def __init__(self, sentences: Sequence[str]) -> None:
        """Carry the sentences."""
        super().__init__("\n".join(sentences))
        self.sentences = tuple(sentences)


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A setting of several words, written with commas between them."""


class Settings(BaseSettings):
    """The base of every settings class. A subclass may lengthen the prefix (`DUETIME_API_`).

    Building one reads nothing from outside: `Environment.read` is the only way in, so that no
    object deep inside can pick up a variable that nobody passed to it.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @classmethod
    def for_tests(cls, **values: Any) -> Self:
        """Give the defaults with these values, whatever the environment says."""
        return cls(**values)

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Give the variables that this class reads, each with its field; files of secrets too."""
        prefix = str(cls.model_config.get("env_prefix", PREFIX))
        known: dict[str, str] = {}
        for name, field in cls.model_fields.items():
            variable = prefix + name.upper()
            known[variable] = name
            if _is_secret(field.annotation):
                known[variable + _FILE_SUFFIX] = name
        return known

    def printout(self) -> list[str]:
        """Give one line per variable, `NAME=value`, secrets masked, defaults marked."""
        lines = []
        for variable, name in self.variables().items():
            field = type(self).model_fields[name]
            if variable.endswith(_FILE_SUFFIX) and _is_secret(field.annotation):
                continue
            value = getattr(self, name)
            mark = "" if name in self.model_fields_set else "  (default)"
            lines.append(f"{variable}={_shown(value)}{mark}")
        return lines


S = TypeVar("S", bound=Settings)


class Environment:
    """The variables of a process, opened with every settings class that lives in it."""

    def __init__(
        self,
        variables: Mapping[str, str],
        classes: Sequence[type[Settings]],
        *,
        also_known: Collection[str] = (),
    ) -> None:
        """Take `variables` (usually `os.environ`).

        `also_known` are names that something else in the process reads.
        Raises SettingsError for a `DUETIME_…` variable that nobody knows.
        """
        known = {variable for cls in classes for variable in cls.variables()} | set(also_known)
        unknown = [
            name for name in variables if name.upper().startswith(PREFIX) and name not in known
        ]
        if unknown:
            raise SettingsError(
                [_unknown_sentence(name, sorted(known)) for name in sorted(unknown)]
            )
        self._variables = variables
        self._classes = tuple(classes)

    def read(self, cls: type[S], **overrides: Any) -> S:
        """Give one class's settings; `overrides` that are not None (a command line's) win.

        Raises SettingsError with a sentence per value that cannot be used.
        """
        if cls not in self._classes:
            message = f"{cls.__name__} is not among the classes of this environment"
            raise LookupError(message)
        values, sentences = self._texts_of(cls)
        values.update({name: value for name, value in overrides.items() if value is not None})
        if sentences:
            raise SettingsError(sentences)
        try:
            return cls(**values)
        except ValidationError as refused:
            raise SettingsError(_sentences(cls, refused)) from refused

    def _texts_of(self, cls: type[Settings]) -> tuple[dict[str, Any], list[str]]:
        values: dict[str, Any] = {}
        sentences: list[str] = []
        for variable, name in cls.variables().items():
            text = self._variables.get(variable)
            if text is None:
                continue
            if name in values:
                twin = variable.removesuffix(_FILE_SUFFIX)
                sentences.append(f"{twin} and {variable} are both set; one of them is enough")
                continue
            if variable.endswith(_FILE_SUFFIX) and _is_secret(cls.model_fields[name].annotation):
                try:
                    text = Path(text).read_text(encoding="utf-8").rstrip("\r\n")
                except (OSError, UnicodeDecodeError) as fault:
                    sentences.append(f"{variable}={text!r} cannot be read: {fault}")
                    continue
            values[name] = text
        return values, sentences


def _unknown_sentence(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{name} is no setting of this process. {hint}Known are: {', '.join(known)}"


def _sentences(cls: type[Settings], refused: ValidationError) -> list[str]:
    variable_of = {name: variable for variable, name in reversed(list(cls.variables().items()))}
    sentences = []
    for error in refused.errors(include_url=False):
        name = str(error["loc"][0]) if error["loc"] else ""
        field = cls.model_fields.get(name)
        if field is None:
            sentences.append(f"{name or cls.__name__}: {error['msg']}")
            continue
        message = error["msg"][:1].lower() + error["msg"][1:]
        secret = _is_secret(field.annotation)
        came = _MASK if secret else repr(error["input"])
        sentence = f"{variable_of[name]} is {came}: {message}"
        if field.description:
            sentence += f" ({field.description})"
        sentences.append(sentence)
    return sentences


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return _MASK if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
