"""What a timer may be told from outside."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from duetime.settings.base import Settings


class TimerSettings(Settings):
    """Read from `DUETIME_TIMER_…`."""

    model_config = SettingsConfigDict(env_prefix="DUETIME_TIMER_")

    index_dir: Annotated[
        Path | None,
        Field(
            description="the folder of the local due index, of this process alone (needs the extra"
            " `rocksdb`); without it pending tasks are kept in memory"
        ),
    ] = None
