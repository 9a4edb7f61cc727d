"""The driver's messages: each is heard, none floods."""

import asyncio
import logging

from duetime.log.kafka.driver_log import REPEAT_SECONDS, Seldom
from tests.support.virtual_loop import run_virtual


def message(words: str, *about: object, name: str = "aiokafka") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, words, about, None)


def test_a_message_is_heard_at_once_and_its_repeats_once_in_a_while() -> None:
    async def main() -> list[bool]:
        seldom = Seldom()
        heard = []
        for _ in range(3):
            heard += [seldom.filter(message("no node %s", number)) for number in range(3)]
            await asyncio.sleep(REPEAT_SECONDS)
        return heard

    assert [True, False, False] * 3 == run_virtual(main())


async def test_other_words_and_other_loggers_are_heard_besides() -> None:
    seldom = Seldom()

    assert seldom.filter(message("one"))
    assert seldom.filter(message("two"))
    assert seldom.filter(message("one", name="aiokafka.conn"))
    assert not seldom.filter(message("one"))
