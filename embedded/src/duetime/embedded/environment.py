"""The environment of a command that may be run where any process of the distributed system runs.

Knows every settings class there is. An operator runs such a command in the container of a service,
where variables tell that service what the command has no use for; a slip in a name stays one.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from duetime.api.settings import ApiSettings
from duetime.embedded.settings import EmbeddedSettings
from duetime.executor.settings import ExecutorSettings
from duetime.process.settings import ProcessSettings
from duetime.settings.base import Environment, Settings
from duetime.settings.kafka import KafkaSettings
from duetime.settings.logs import LogSettings
from duetime.settings.mongo import MongoSettings
from duetime.timer.settings import TimerSettings

_ALL: Final[Sequence[type[Settings]]] = (
    ApiSettings,
    EmbeddedSettings,
    ExecutorSettings,
    KafkaSettings,
    LogSettings,
    MongoSettings,
    ProcessSettings,
    TimerSettings,
)


def beside_services(variables: Mapping[str, str], classes: Sequence[type[Settings]]) -> Environment:
    """Give the environment of a command that reads these classes.

    Raises SettingsError for a variable that no process of Duetime knows.
    """
    others = {variable for cls in _ALL for variable in cls.variables()}
    return Environment(variables, classes, also_known=others)


def tells_of_services(variables: Mapping[str, str]) -> bool:
    """Say whether they are those of the distributed system, complete or not."""
    return any(
        variable in variables
        for cls in (KafkaSettings, MongoSettings)
        for variable in cls.variables()
    )
