"""What the api may be told from outside."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from duetime.settings.base import CommaSeparated, Settings


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
        Field(description="origins whose pages may call the api, with commas between them"),
    ] = ("http://localhost:3000", "http://127.0.0.1:3000")
