"""What a process may be told about its log lines."""

from typing import Annotated, Literal

from pydantic import Field

from duetime.settings.base import Settings


class LogSettings(Settings):
    """Read from `DUETIME_LOG_…`, by every process."""

    log_format: Annotated[
        Literal["auto", "json", "console"],
        Field(description="json for programs, console for people, auto: as fits"),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="the least that is written")
    ] = "info"
