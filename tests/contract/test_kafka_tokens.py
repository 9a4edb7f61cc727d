"""Tokens for Kafka, from a real identity provider: asked for as RFC 6749 wants, and seldom."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import Final
from urllib.parse import parse_qs

import pytest
from aiokafka.errors import KafkaConnectionError
from structlog.testing import capture_logs

from deploy.local.ports import HOST, free_ports
from duetime import limits
from duetime.log.kafka.connection import Connection, KafkaSetupError
from duetime.log.kafka.tokens import Token, TokenError, TokenProvider, client_credentials
from duetime.settings.kafka import KafkaSettings
from tests.support.certificates import Certified, certified
from tests.support.identity import PATH, Answer, IdentityProvider, granted, identity_provider

HOUR: Final = 3_600
BOUND_SECONDS: Final = 10.0


class Clock:
    """Time stands still until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("identity"), "identity")


def tokens(provider: IdentityProvider, **settings: object) -> TokenProvider:
    """Give what a connection with these settings hands to aiokafka."""
    given = {
        "security": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "oauth_token_url": provider.url,
        "oauth_client_id": "duetime",
        "oauth_client_secret": "pencil",
    }
    connection = Connection.of(KafkaSettings.for_tests(**(given | settings)))
    found = connection.arguments["sasl_oauth_token_provider"]
    assert isinstance(found, TokenProvider)
    return found


def asking(
    provider: IdentityProvider, seconds_max: float = limits.KAFKA_REQUEST_SECONDS_MAX
) -> Callable[[], Token]:
    """Give what asks there."""
    return client_credentials(
        provider.url,
        client_id="duetime",
        client_secret="pencil",
        scope="",
        trusted=ssl.create_default_context(),
        seconds_max=seconds_max,
    )


def at(provider: IdentityProvider, clock: Clock) -> TokenProvider:
    """Give the provider of tokens at a time of ours."""
    return TokenProvider(asking(provider), clock=clock)


async def test_a_client_asks_in_its_own_name_and_shows_its_secret_in_the_header_alone(
    provider: IdentityProvider,
) -> None:
    provider.will(granted(access_token="first", expires_in=HOUR))
    token = await tokens(
        provider,
        oauth_client_id="due:time",
        oauth_client_secret="p%n cil&ö",
        oauth_scope="kafka read",
    ).token()
    (asked,) = provider.asked

    assert "first" == token
    assert PATH == asked.path
    assert "application/x-www-form-urlencoded" == asked.headers["content-type"]
    assert "application/json" == asked.headers["accept"]
    assert {"grant_type": ["client_credentials"], "scope": ["kafka read"]} == parse_qs(asked.body)
    scheme, _, login = asked.headers["authorization"].partition(" ")
    assert ("Basic", b"due%3Atime:p%25n+cil%26%C3%B6") == (scheme, b64decode(login))


async def test_without_a_scope_none_is_asked_for(provider: IdentityProvider) -> None:
    await tokens(provider).token()

    assert "grant_type=client_credentials" == provider.asked[0].body


async def test_who_comes_while_a_token_is_asked_for_shares_it_and_the_loop_turns(
    provider: IdentityProvider,
) -> None:
    provider.will(granted(access_token="shared", expires_in=HOUR))
    provider.may_answer.clear()
    shared = tokens(provider)
    async with asyncio.timeout(BOUND_SECONDS), asyncio.TaskGroup() as group:
        asking = [group.create_task(shared.token()) for _ in range(24)]
        await asyncio.to_thread(provider.was_asked.wait, BOUND_SECONDS)
        asking[0].cancel()  # who gives up does not take it from the others
        provider.may_answer.set()  # only a loop that turns gets here
    later = await shared.token()

    assert ["shared"] * 23 == [each.result() for each in asking[1:]]
    assert "shared" == later
    assert 1 == len(provider.asked)


@pytest.mark.parametrize(
    ("expires_in", "kept"),
    [
        (HOUR, HOUR - limits.KAFKA_TOKEN_SPARE_SECONDS),
        (str(HOUR), HOUR - limits.KAFKA_TOKEN_SPARE_SECONDS),
        (100, 80.0),
    ],
    ids=["an hour", "an hour in quotes", "a short one"],
)
async def test_a_token_serves_until_shortly_before_its_end(
    provider: IdentityProvider, expires_in: object, kept: float
) -> None:
    clock = Clock()
    shared = at(provider, clock)
    provider.will(granted(access_token="first", expires_in=expires_in))
    first = await shared.token()
    provider.will(granted(access_token="second", expires_in=expires_in))
    clock.now += kept - 0.1
    still = await shared.token()
    clock.now += 0.2
    renewed = await shared.token()

    assert ["first", "first", "second"] == [first, still, renewed]
    assert 2 == len(provider.asked)


async def test_a_token_of_which_nobody_says_how_long_it_is_good_is_not_kept(
    provider: IdentityProvider,
) -> None:
    shared = at(provider, Clock())
    for text in ("first", "second"):
        provider.will(granted(access_token=text))

        assert text == await shared.token()


async def test_where_no_new_token_comes_the_old_one_serves_until_its_end(
    provider: IdentityProvider,
) -> None:
    clock = Clock()
    shared = at(provider, clock)
    provider.will(granted(access_token="first", expires_in=HOUR))
    await shared.token()
    provider.will(Answer(status=503))
    clock.now += HOUR - 30.0
    held = [await shared.token() for _ in range(3)]
    clock.now += 30.0

    assert ["first"] * 3 == held
    assert 2 == len(provider.asked)
    with pytest.raises(KafkaConnectionError, match="answered 503"):
        await shared.token()


async def test_who_refuses_is_asked_once_a_second_and_not_by_every_client(
    provider: IdentityProvider,
) -> None:
    clock = Clock()
    shared = at(provider, clock)
    provider.will(Answer(status=401, body=b'{"error": "invalid_client"}'))
    for _ in range(12):
        with pytest.raises(KafkaConnectionError, match="answered 401: invalid_client"):
            await shared.token()
    refusals = len(provider.asked)
    provider.will(granted(access_token="at-last", expires_in=HOUR))
    clock.now += limits.KAFKA_TOKEN_AGAIN_SECONDS

    assert 1 == refusals
    assert "at-last" == await shared.token()


async def test_why_there_is_no_token_is_said_once_until_it_changes(
    provider: IdentityProvider,
) -> None:
    clock = Clock()
    shared = at(provider, clock)
    with capture_logs() as said:
        for status in (503, 503, 401, 200, 401):
            good = status == HTTPStatus.OK
            provider.will(granted(access_token="brief") if good else Answer(status=status))
            clock.now += limits.KAFKA_TOKEN_AGAIN_SECONDS
            with suppress(KafkaConnectionError):
                await shared.token()

    assert ["503", "401", "401"] == [line["reason"].rpartition(" ")[2] for line in said]
    assert {"no token for Kafka"} == {line["event"] for line in said}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(status=401), "answered 401"),
        (
            Answer(status=400, body=b'{"error": "invalid_scope", "error_description": "no kafka"}'),
            "answered 400: invalid_scope: no kafka",
        ),
        (Answer(status=500, body=b"<html>"), "answered 500"),
        (Answer(status=302, location="http://elsewhere.example/"), "answered 302"),
        (Answer(body=b"<html>"), "holds none: .*malformed"),
        (granted(), "holds none: .*access_token"),
        (granted(access_token=""), "holds none: .*access_token"),
        (granted(access_token="two words"), "holds none: .*access_token"),
        (granted(access_token="a", expires_in="soon"), "holds none: .*expires_in"),
        (granted(access_token="a", token_type="mac"), "type 'mac', not Bearer"),
        (Answer(body=b" " * limits.KAFKA_TOKEN_BYTES_MAX + b"{}"), "holds none"),
    ],
)
async def test_a_bad_answer_is_an_error_that_says_whose_and_why(
    provider: IdentityProvider, answer: Answer, told: str
) -> None:
    provider.will(answer)

    with pytest.raises(KafkaConnectionError, match=rf"no token: .*{HOST}:\d+ .*{told}"):
        await tokens(provider).token()


async def test_who_does_not_answer_in_time_is_named(provider: IdentityProvider) -> None:
    provider.may_answer.clear()

    with pytest.raises(TokenError, match=rf"{HOST}:\d+ did not answer within 0.1 s"):
        await asyncio.to_thread(asking(provider, seconds_max=0.1))


async def test_whatever_keeps_a_token_from_coming_is_waited_for_within_bounds() -> None:
    over = Event()

    def ask() -> Token:
        over.wait(BOUND_SECONDS)
        return Token(text="too late")

    try:
        with pytest.raises(KafkaConnectionError, match=r"nobody gave one within 0.05 s"):
            await TokenProvider(ask, seconds_max=0.05).token()
    finally:
        over.set()


async def test_who_is_away_is_named() -> None:
    (port,) = free_ports(1)
    away = IdentityProvider(url=f"http://{HOST}:{port}/", answer=Answer)

    with pytest.raises(KafkaConnectionError, match=f"no token: {HOST}:{port} failed: .*refused"):
        await tokens(away).token()


async def test_an_authority_of_our_own_vouches_for_an_identity_provider_too(own: Certified) -> None:
    with identity_provider(own) as provider:
        trusting = tokens(provider, tls_ca_file=str(own.certificate))

        assert "made-up" == await trusting.token()


async def test_an_identity_provider_that_nobody_vouches_for_is_shown_no_secret(
    own: Certified,
) -> None:
    with identity_provider(own) as provider:
        with pytest.raises(KafkaConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            await tokens(provider).token()

        assert [] == provider.asked


def test_the_authorities_of_the_system_vouch_beside_our_own(
    own: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = certified(own.key.parent, "system")
    monkeypatch.setenv("SSL_CERT_FILE", str(others.certificate))  # where OpenSSL has the system's
    with identity_provider(others) as provider:
        trusting = tokens(provider, tls_ca_file=str(own.certificate))

        assert "made-up" == asyncio.run(trusting.token())


def test_an_authority_that_is_not_there_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    away = IdentityProvider(url="https://id.example/", answer=Answer)
    missing = str(tmp_path / "missing.pem")

    with pytest.raises(KafkaSetupError, match="TLS files of Kafka cannot be used"):
        tokens(away, security="SASL_PLAINTEXT", tls_ca_file=missing)
