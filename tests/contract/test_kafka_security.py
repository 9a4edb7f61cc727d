"""A Kafka that asks who is there, over TLS: passwords, tokens and certificates of our own."""

import asyncio
import json
import stat
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deploy.local import kafka as local
from deploy.local.ports import HOST, free_ports
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.topics_plan import apply
from duetime.log.port import LogAwayError
from duetime.log.topics import Topic
from duetime.runtime.clock import SystemClock
from duetime.settings.kafka import KafkaSettings
from tests.support.certificates import Certified, certified
from tests.support.identity import Answer, IdentityProvider, granted, identity_provider
from tests.support.kafka import BUILD
from tests.support.records import WAIT_SECONDS, a_record, appended, arrived, joined, values

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

JAAS = "org.apache.kafka.common.security"
LOGINS = "listener.name.sasl_ssl"
MAPPED = ("PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT", "SASL_SSL:SASL_SSL", "SSL:SSL")
OFFERED = {
    "listener.security.protocol.map": ",".join(MAPPED),
    "ssl.keystore.type": "PEM",
    "ssl.truststore.type": "PEM",
    "listener.name.ssl.ssl.client.auth": "required",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    f"{LOGINS}.plain.sasl.jaas.config": f"{JAAS}.plain.PlainLoginModule required"
    ' user_duetime="correct horse";',
    f"{LOGINS}.scram-sha-256.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
    f"{LOGINS}.scram-sha-512.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
    # Kafka's own validator for development: it reads a token as any would, and wants no signature.
    f"{LOGINS}.oauthbearer.sasl.jaas.config": f"{JAAS}.oauthbearer.OAuthBearerLoginModule required"
    ' unsecuredLoginStringClaim_sub="broker";',
}
LOGIN = "[name=duetime,password=correct horse]"
HOUR = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A broker behind logins, who gives tokens for it, and the certificates."""

    logins: str
    certificates: str
    own: Certified  # the broker's and the identity provider's
    client: Certified
    stranger: Certified
    tokens: IdentityProvider

    def connection(self, **settings: object) -> Connection:
        """Give a way to it, as somebody."""
        given = {
            "bootstrap_servers": self.logins,
            "security": "SASL_SSL",
            "tls_ca_file": str(self.own.certificate),
            "sasl_username": "duetime",
            "sasl_password": "correct horse",
            "oauth_token_url": self.tokens.url,
            "oauth_client_id": "duetime",
            "oauth_client_secret": "pencil",
            "partitions": 1,
            "replication": 1,
        }
        return Connection.of(KafkaSettings.for_tests(**(given | settings)))

    def certain(self, shown: Certified, **settings: object) -> Connection:
        """Give a way to it, as whom a certificate names."""
        return self.connection(
            bootstrap_servers=self.certificates,
            security="SSL",
            tls_certificate_file=str(shown.certificate),
            tls_key_file=str(shown.key),
            **settings,
        )


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    reason = local.missing()
    if reason is not None:
        pytest.skip(reason)
    logins, certificates = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="duetime-kafka-") as name:
        folder = Path(name)
        own, client, stranger = (
            certified(folder, each, subject=each) for each in ("own", "client", "stranger")
        )
        stores: dict[str, object] = {
            "ssl.keystore.location": own.both,
            "ssl.truststore.location": client.certificate,
        }
        secured = local.Secured(
            ports={"SASL_SSL": logins, "SSL": certificates},
            settings=stores | OFFERED,
            scram=[
                f"SCRAM-SHA-{bits}=[name=duetime,password=correct horse]" for bits in (256, 512)
            ],
        )
        brokers = local.start(folder, BUILD, secured=secured)
        try:
            with identity_provider(own) as tokens:
                yield Guarded(
                    logins=f"{HOST}:{logins}",
                    certificates=f"{HOST}:{certificates}",
                    own=own,
                    client=client,
                    stranger=stranger,
                    tokens=tokens,
                )
        finally:
            brokers.stop()


@pytest.fixture(autouse=True)
async def hung_up() -> AsyncIterator[None]:
    """Let every connection that a test opened end before its loop does.

    The driver does not wait for those that were refused, and over TLS an end takes an answer: of
    a refused login the broker lets it wait for 100 ms. Python blames a later test for the remains.
    """
    before = sockets()
    yield
    async with asyncio.timeout(WAIT_SECONDS):
        while sockets() - before:  # noqa: ASYNC110 -- the driver tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_the_log_works_behind_a_login_and_a_certificate_of_our_own(
    guarded: Guarded, mechanism: str
) -> None:
    connection = guarded.connection(sasl_mechanism=mechanism, prefix=f"{mechanism}-")

    assert ["seen"] == await seen(connection)


async def test_the_log_works_with_one_token_for_all_its_connections(guarded: Guarded) -> None:
    guarded.tokens.will(granted(access_token=token(seconds=HOUR), expires_in=HOUR))
    before = len(guarded.tokens.asked)
    connection = guarded.connection(sasl_mechanism="OAUTHBEARER", prefix="tokens-")

    assert ["seen"] == await seen(connection)
    assert 1 == len(guarded.tokens.asked) - before


async def test_the_log_works_with_a_certificate_for_a_login(guarded: Guarded) -> None:
    assert ["seen"] == await seen(guarded.certain(guarded.client, prefix="certificates-"))


@pytest.mark.parametrize(
    "mistake",
    [
        {"sasl_password": "battery staple"},
        {"sasl_password": "battery staple", "sasl_mechanism": "SCRAM-SHA-256"},
        {"tls_ca_file": ""},
        {"security": "SASL_PLAINTEXT"},
    ],
    ids=["password", "password, 256 bits", "authority", "no TLS"],
)
async def test_a_wrong_way_in_is_an_absent_log_and_not_a_crash(
    guarded: Guarded, mistake: dict[str, object]
) -> None:
    with pytest.raises(LogAwayError):
        await KafkaLog.open(guarded.connection(**mistake))


async def test_a_token_that_is_over_is_an_absent_log_and_not_a_crash(guarded: Guarded) -> None:
    guarded.tokens.will(granted(access_token=token(seconds=-HOUR), expires_in=HOUR))

    with pytest.raises(LogAwayError):
        await KafkaLog.open(guarded.connection(sasl_mechanism="OAUTHBEARER"))


async def test_where_no_token_is_given_the_log_is_absent_and_it_is_said_why(
    guarded: Guarded,
) -> None:
    guarded.tokens.will(Answer(status=401, body=b'{"error": "invalid_client"}'))

    with capture_logs() as said, pytest.raises(LogAwayError):
        await KafkaLog.open(guarded.connection(sasl_mechanism="OAUTHBEARER"))
    (line,) = [line for line in said if line["event"] == "no token for Kafka"]

    assert line["reason"].endswith("answered 401: invalid_client")


async def test_the_certificate_of_a_stranger_opens_no_log(guarded: Guarded) -> None:
    with pytest.raises(LogAwayError):
        await KafkaLog.open(guarded.certain(guarded.stranger))


async def seen(connection: Connection) -> list[object]:
    """Use the log in each of its ways; give what a member of a group has read."""
    await apply(connection)
    log = await KafkaLog.open(connection)
    (outcome,) = await appended(log, a_record("seen"))
    transactor = await log.transactor("timer", 0)
    await transactor.commit([a_record("due", topic=Topic.DUE)])
    member, _ = await joined(log, "group", [Topic.TASKS])
    member.deliver(0, {Topic.TASKS: outcome.offset})
    found = await arrived(member, 1)
    await log.close()
    return list(values(found))


def sockets() -> set[int]:
    """Give the sockets of this process, by their inodes: one that was reset is in no table."""
    found = set()
    for descriptor in Path("/dev/fd").iterdir():
        with suppress(OSError):  # the one that listed them is gone
            status = descriptor.stat()
            if stat.S_ISSOCK(status.st_mode):
                found.add(status.st_ino)
    return found


def token(*, seconds: int) -> str:
    """Give a token of the kind that brokers read (RFC 7519), without a signature."""
    now = int(SystemClock().now().timestamp())
    claims = {"sub": "duetime", "iat": now - 2 * HOUR, "exp": now + seconds}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    head, body = (urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    return f"{head}.{body}."
