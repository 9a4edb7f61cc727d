"""What aiokafka says, said seldom: without a broker each client repeats it ten times a second.

Knows the standard library's logging and the driver's loggers; judges no message. What matters of a
lost broker is said by us, in outcomes, in warnings and in /readyz.
"""

import logging
from asyncio import get_running_loop
from typing import Final

REPEAT_SECONDS: Final = 10.0
_MESSAGES_MAX: Final = 1_000
_DRIVER: Final = "aiokafka"


class Seldom(logging.Filter):
    """Lets a message of a logger pass once in a while, whatever it is about."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        super().__init__()
        self._said_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = get_running_loop().time()
        message = (record.name, str(record.msg))
        if now < self._said_at.get(message, -REPEAT_SECONDS) + REPEAT_SECONDS:
            return False
        if len(self._said_at) >= _MESSAGES_MAX:
            self._said_at.clear()
        self._said_at[message] = now
        return True


_SELDOM: Final = Seldom()


def calm() -> None:
    """Have all loggers of the driver repeat themselves seldom. Harmless when repeated."""
    for name in list(logging.Logger.manager.loggerDict):
        if name == _DRIVER or name.startswith(f"{_DRIVER}."):
            logging.getLogger(name).addFilter(_SELDOM)
