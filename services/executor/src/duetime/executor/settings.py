"""What an executor may be told from outside."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from duetime.limits import CONCURRENCY_DEFAULT
from duetime.settings.base import CommaSeparated, Settings


class ExecutorSettings(Settings):
    """Read from `DUETIME_EXECUTOR_…`."""

    model_config = SettingsConfigDict(env_prefix="DUETIME_EXECUTOR_")

    actions: Annotated[
        CommaSeparated,
        Field(description="modules that register python actions, with commas between them"),
    ] = ()
    concurrency: Annotated[
        int, Field(ge=1, le=100_000, description="how many runs may be under way at once")
    ] = CONCURRENCY_DEFAULT
    target_concurrency: Annotated[
        int | None,
        Field(
            ge=1,
            le=100_000,
            description="how many runs of one target, as one python action, may be under way at "
            "once; none: a tenth of `concurrency`, but ten where that allows it, and up to half of "
            "`concurrency` more while they end within a quarter of a second",
        ),
    ] = None
