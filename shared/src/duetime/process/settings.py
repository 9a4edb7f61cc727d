"""What every process of the distributed system is told: how to log, where to tell its health."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from duetime.settings.logs import LogSettings


class ProcessSettings(LogSettings):
    """Read from `DUETIME_…`; how to log as everywhere."""

    model_config = SettingsConfigDict(env_prefix="DUETIME_")

    health_host: Annotated[
        str, Field(min_length=1, description="where /livez, /readyz and /metrics listen")
    ] = "127.0.0.1"
    health_port: Annotated[
        int, Field(ge=0, le=65_535, description="their port; 0 takes a free one")
    ] = 9_464
    instance: Annotated[
        str,
        Field(max_length=100, description="names this process in events; the host's by default"),
    ] = ""
