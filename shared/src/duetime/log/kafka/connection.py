"""How to reach a Kafka cluster, and what Duetime's things are called there.

Knows addresses, security and names; sends nothing. aiokafka is handed one dictionary of arguments,
the same for every client of a process.
"""

import ssl
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

import msgspec

from duetime.log.kafka.asking import create_nothing_by_asking
from duetime.log.kafka.tokens import Token, TokenProvider, client_credentials, signed
from duetime.log.topics import Topic
from duetime.settings.kafka import Compression, KafkaSettings, Mechanism


class KafkaSetupError(Exception):
    """Kafka cannot be used as things are set up; the message is for whoever set them up."""


class Names:
    """Topics, groups and transactional ids as the cluster knows them: behind a prefix."""

    def __init__(self, prefix: str) -> None:
        """Put `prefix` before every name."""
        self._prefix = prefix
        self._of = {topic: prefix + topic for topic in Topic}
        self._topics = {name: topic for topic, name in self._of.items()}

    def of(self, topic: Topic) -> str:
        """Give a topic's name."""
        return self._of[topic]

    def topic(self, name: str) -> Topic:
        """Give the topic of a name."""
        return self._topics[name]

    def group(self, group: str) -> str:
        """Give a consumer group's name."""
        return self._prefix + group

    def log_id(self, cluster_id: str) -> str:
        """Name this very log: a cluster may hold others, behind other prefixes."""
        return f"{cluster_id}/{self._prefix}" if self._prefix else cluster_id

    def transactional_id(self, name: str, partition: int) -> str:
        """Give the id that fences: one writer for each name and partition."""
        return f"{self._prefix}{name}.{partition}"


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What every client of one process is made with."""

    arguments: Mapping[str, Any]
    names: Names
    partitions: int
    replication: int
    compression: str | None

    @classmethod
    def of(cls, settings: KafkaSettings, *, client_id: str = "duetime") -> "Connection":
        """Read the settings. Raises KafkaSetupError for files or extras that are not there."""
        create_nothing_by_asking()  # whichever client comes of it
        arguments: dict[str, Any] = {
            "bootstrap_servers": list(settings.bootstrap_servers),
            "client_id": client_id,
            "security_protocol": str(settings.security),
        }
        if settings.security.is_encrypted:
            arguments["ssl_context"] = _tls(settings)
        if settings.security.is_authenticated:
            arguments |= _sasl(settings)
        packed = settings.compression is not Compression.NONE
        return cls(
            arguments=arguments,
            names=Names(settings.prefix),
            partitions=settings.partitions,
            replication=settings.replication,
            compression=str(settings.compression) if packed else None,
        )


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file or None)
        if settings.tls_certificate_file:
            context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file or None)
    except OSError as fault:  # ssl.SSLError is one too
        raise KafkaSetupError(f"the TLS files of Kafka cannot be used: {fault}") from fault
    context.check_hostname = settings.tls_check_hostname
    return context


def _sasl(settings: KafkaSettings) -> dict[str, Any]:
    match settings.sasl_mechanism:
        case Mechanism.OAUTHBEARER:
            return _bearer(
                client_credentials(
                    settings.oauth_token_url,
                    client_id=settings.oauth_client_id,
                    client_secret=settings.oauth_client_secret.get_secret_value(),
                    scope=settings.oauth_scope,
                    trusted=_identity_tls(settings),
                )
            )
        case Mechanism.AWS_MSK_IAM:
            return _bearer(signed(_msk_signer(), settings.aws_region))
        case mechanism:
            return {
                "sasl_mechanism": str(mechanism),
                "sasl_plain_username": settings.sasl_username,
                "sasl_plain_password": settings.sasl_password.get_secret_value(),
            }


def _bearer(ask: Callable[[], Token]) -> dict[str, Any]:
    return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": TokenProvider(ask)}


def _identity_tls(settings: KafkaSettings) -> ssl.SSLContext:
    """Trust the system's authorities and the brokers': either may vouch for who gives tokens."""
    context = ssl.create_default_context()
    if settings.tls_ca_file:
        try:
            context.load_verify_locations(settings.tls_ca_file)
        except OSError as fault:  # ssl.SSLError is one too
            raise KafkaSetupError(f"the TLS files of Kafka cannot be used: {fault}") from fault
    return context


_MSK_SIGNER: Final = "aws_msk_iam_sasl_signer.MSKAuthTokenProvider"  # a module


def _msk_signer() -> Any:
    try:
        return import_module(_MSK_SIGNER)
    except ImportError as absent:
        raise KafkaSetupError(
            "AWS_MSK_IAM needs the package aws-msk-iam-sasl-signer-python: "
            "install duetime-shared[kafka-msk]"
        ) from absent
