"""What the embedded system may be told from outside, beside what its services read."""

from pathlib import Path
from typing import Annotated

from platformdirs import user_state_path
from pydantic import BeforeValidator, Field
from pydantic_settings import SettingsConfigDict

from duetime.limits import CONCURRENCY_DEFAULT
from duetime.settings.base import CommaSeparated, Settings


def _named(value: object) -> object:
    if value == "":
        # An empty path would be the folder in which the process happens to have been started.
        message = "it is empty; name a folder, or leave the variable away"
        raise ValueError(message)
    return value


Folder = Annotated[Path, BeforeValidator(_named)]


class EmbeddedSettings(Settings):
    """Read from `DUETIME_…`."""

    model_config = SettingsConfigDict(env_prefix="DUETIME_")

    data_dir: Annotated[Folder, Field(description="the folder that keeps everything")] = (
        user_state_path("duetime")
    )
    page_dir: Annotated[
        Folder | None, Field(description="the folder of the built page; none: no page is served")
    ] = None
    page_port: Annotated[int, Field(ge=0, le=65_535, description="the page's port")] = 3000
    actions: Annotated[
        CommaSeparated,
        Field(description="modules that register python actions, with commas between them"),
    ] = ()
    concurrency: Annotated[
        int, Field(ge=1, le=100_000, description="how many runs may be under way at once")
    ] = CONCURRENCY_DEFAULT
