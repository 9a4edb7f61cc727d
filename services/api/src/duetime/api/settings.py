"""What the api may be told from outside."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from duetime.settings.base import CommaSeparated, Settings

_ORIGIN: Final = re.compile(r"https?://[^\s/@?#]+", re.ASCII)


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    # A browser compares origins letter by letter: what is none would never match, without a word.
    wrong = [value for value in values if value != "*" and not _ORIGIN.fullmatch(value)]
    if wrong:
        message = f"{wrong[0]!r} is no origin such as https://duetime.example:8443, nor *"
        raise ValueError(message)
    return values


class ApiSettings(Settings):
    """Read from `DUETIME_API_…`."""

    model_config = SettingsConfigDict(env_prefix="DUETIME_API_")

    host: Annotated[str, Field(min_length=1, description="the address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="the port to listen on")] = 3001
    hosts: Annotated[
        CommaSeparated,
        Field(
            description="names under which the api may be asked, with commas between them; * for "
            "any. None: localhost and the address it listens on; any if it listens on all"
        ),
    ] = ()
    cors_origins: Annotated[
        CommaSeparated,
        AfterValidator(_origins),
        Field(description="origins whose pages may call the api, with commas between them"),
    ] = ("http://localhost:3000", "http://127.0.0.1:3000")
