"""A Kafka that asks who is there, over TLS: names, passwords and a certificate of our own."""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local import kafka as local
from deploy.local.ports import HOST, free_ports
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.topics_plan import apply
from duetime.log.port import LogAwayError
from duetime.log.topics import Topic
from duetime.settings.kafka import KafkaSettings
from tests.support.kafka import BUILD
from tests.support.records import a_record, appended, arrived, joined, values

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

JAAS = "org.apache.kafka.common.security"
OFFERED = {
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
    "ssl.keystore.type": "PEM",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
    "listener.name.sasl_ssl.plain.sasl.jaas.config": f"{JAAS}.plain.PlainLoginModule required"
    ' user_duetime="correct horse";',
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule"
    " required;",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A broker behind a login, and the certificate that vouches for it."""

    address: str
    certificate: Path

    def connection(self, **settings: object) -> Connection:
        """Give a way to it, as somebody."""
        given = {
            "bootstrap_servers": self.address,
            "security": "SASL_SSL",
            "tls_ca_file": str(self.certificate),
            "sasl_username": "duetime",
            "sasl_password": "correct horse",
            "partitions": 1,
            "replication": 1,
        }
        return Connection.of(KafkaSettings.for_tests(**(given | settings)))


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    reason = local.missing()
    if reason is not None:
        pytest.skip(reason)
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="duetime-kafka-") as name:
        folder = Path(name)
        certificate = _certificate(folder)
        secured = local.Secured(
            port=port,
            settings=OFFERED | {"ssl.keystore.location": folder / "both.pem"},
            scram="SCRAM-SHA-512=[name=duetime,password=correct horse]",
        )
        brokers = local.start(folder, BUILD, secured=secured)
        try:
            yield Guarded(address=f"{HOST}:{port}", certificate=certificate)
        finally:
            brokers.stop()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_the_log_works_behind_a_login_and_a_certificate_of_our_own(
    guarded: Guarded, mechanism: str
) -> None:
    connection = guarded.connection(sasl_mechanism=mechanism, prefix=f"{mechanism}-")
    await apply(connection)
    log = await KafkaLog.open(connection)
    (outcome,) = await appended(log, a_record("seen"))
    transactor = await log.transactor("timer", 0)
    await transactor.commit([a_record("due", topic=Topic.DUE)])
    member, _ = await joined(log, "group", [Topic.TASKS])
    member.deliver(0, {Topic.TASKS: outcome.offset})
    found = await arrived(member, 1)
    await log.close()

    assert ["seen"] == values(found)


@pytest.mark.parametrize(
    "mistake",
    [
        {"sasl_password": "battery staple"},
        {"tls_ca_file": ""},
        {"security": "SASL_PLAINTEXT"},
    ],
    ids=["password", "authority", "no TLS"],
)
async def test_a_wrong_way_in_is_an_absent_log_and_not_a_crash(
    guarded: Guarded, mistake: dict[str, object]
) -> None:
    with pytest.raises(LogAwayError):
        await KafkaLog.open(guarded.connection(**mistake))


def _certificate(folder: Path) -> Path:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2"),
            *("-keyout", key, "-out", certificate, "-subj", f"/CN={HOST}"),
            *("-addext", f"subjectAltName=IP:{HOST}"),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "both.pem").write_text(key.read_text() + certificate.read_text())
    return certificate
