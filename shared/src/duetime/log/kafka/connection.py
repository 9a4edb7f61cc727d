"""How to reach a Kafka cluster, and what Duetime's things are called there.

Knows addresses, security and names; sends nothing but requests for tokens. aiokafka is handed one
dictionary of arguments, the same for every client of a process.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from duetime import limits
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
            provider = TokenProvider(partial(_oauth_token, settings))
            return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": provider}
        case Mechanism.AWS_MSK_IAM:
            provider = TokenProvider(_msk_token(settings.aws_region))
            return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": provider}
        case mechanism:
            return {
                "sasl_mechanism": str(mechanism),
                "sasl_plain_username": settings.sasl_username,
                "sasl_plain_password": settings.sasl_password.get_secret_value(),
            }


class TokenProvider:
    """Gives aiokafka a bearer token for each new connection; asked on a thread."""

    def __init__(self, ask: Callable[[], str]) -> None:
        """Take what asks for a token; it may block."""
        self._ask = ask

    async def token(self) -> str:
        """Give a fresh token. Raises KafkaConnectionError where there is none: it may come."""
        try:
            return await asyncio.to_thread(self._ask)
        except Exception as fault:  # a cloud's signer raises what its own parts raise
            raise KafkaConnectionError(f"no token: {type(fault).__name__}: {fault}") from fault

    def extensions(self) -> dict[str, str]:
        """Give what is sent beside the token: nothing."""
        return {}


AbstractTokenProvider.register(TokenProvider)


class _Token(msgspec.Struct):
    access_token: str


def _oauth_token(settings: KafkaSettings) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.oauth_client_id,
        "client_secret": settings.oauth_client_secret.get_secret_value(),
    }
    if settings.oauth_scope:
        form["scope"] = settings.oauth_scope
    request = Request(settings.oauth_token_url, data=urlencode(form).encode())  # noqa: S310 # the settings allow http and https alone
    with urlopen(request, timeout=limits.KAFKA_REQUEST_SECONDS_MAX) as answer:  # noqa: S310 # as above
        return msgspec.json.decode(answer.read(), type=_Token).access_token


_MSK_SIGNER: Final = "aws_msk_iam_sasl_signer"


def _msk_token(region: str) -> Callable[[], str]:
    try:
        signer: Any = import_module(_MSK_SIGNER)
    except ImportError as absent:
        raise KafkaSetupError(
            "AWS_MSK_IAM needs the package aws-msk-iam-sasl-signer-python: "
            "install duetime-shared[kafka-msk]"
        ) from absent

    def ask() -> str:
        token, _ = signer.MSKAuthTokenProvider.generate_auth_token(region)
        return str(token)

    return ask
