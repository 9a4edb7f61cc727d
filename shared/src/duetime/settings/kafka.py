"""What a process must be told to reach Kafka, and how Duetime's topics are laid out there.

Knows names and ranges; opens no connection. Secrets may come from files (`…_FILE`).
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from duetime.limits import PARTITIONS_DEFAULT
from duetime.settings.base import CommaSeparated, Settings


class Security(StrEnum):
    """How a connection is protected, in Kafka's words."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self in {Security.SSL, Security.SASL_SSL}

    @property
    def is_authenticated(self) -> bool:
        """Whether SASL follows."""
        return self in {Security.SASL_PLAINTEXT, Security.SASL_SSL}


class Mechanism(StrEnum):
    """How a client says who it is."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"
    OAUTHBEARER = "OAUTHBEARER"
    AWS_MSK_IAM = "AWS_MSK_IAM"


class Compression(StrEnum):
    """How batches of records are packed."""

    NONE = "none"
    GZIP = "gzip"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    ZSTD = "zstd"


class KafkaSettings(Settings):
    """Read from `DUETIME_KAFKA_…`."""

    model_config = SettingsConfigDict(env_prefix="DUETIME_KAFKA_")

    bootstrap_servers: Annotated[
        CommaSeparated,
        Field(min_length=1, description="brokers to ask first: host:port, commas between them"),
    ] = ("127.0.0.1:9092",)
    prefix: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._-]{0,64}$",
            description="put before every topic, group and transactional id, to share a cluster",
        ),
    ] = ""
    partitions: Annotated[
        int,
        Field(ge=1, le=1_000, description="of every topic; fixed once the topics are created"),
    ] = PARTITIONS_DEFAULT
    replication: Annotated[
        int, Field(ge=1, le=7, description="copies of each partition; 3 survives a broker")
    ] = 3
    compression: Annotated[
        Compression,
        Field(description="none, gzip, snappy, lz4 or zstd; all but the first two want `cramjam`"),
    ] = Compression.NONE
    security: Annotated[
        Security, Field(description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    ] = Security.PLAINTEXT
    tls_ca_file: Annotated[
        str,
        Field(
            description="certificates to trust instead of the system's; "
            "where tokens come from, beside them"
        ),
    ] = ""
    tls_certificate_file: Annotated[str, Field(description="this client's own certificate")] = ""
    tls_key_file: Annotated[str, Field(description="the key of this client's certificate")] = ""
    tls_check_hostname: Annotated[
        bool, Field(description="whether a broker's name must be in its certificate")
    ] = True
    sasl_mechanism: Annotated[
        Mechanism,
        Field(description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM"),
    ] = Mechanism.SCRAM_SHA_512
    sasl_username: Annotated[str, Field(description="for PLAIN and SCRAM")] = ""
    sasl_password: Annotated[SecretStr, Field(description="for PLAIN and SCRAM")] = SecretStr("")
    oauth_token_url: Annotated[
        str,
        Field(pattern=r"^(https?://.+)?$", description="where OAUTHBEARER gets its tokens"),
    ] = ""
    oauth_client_id: Annotated[str, Field(description="for OAUTHBEARER: who asks")] = ""
    oauth_client_secret: Annotated[
        SecretStr, Field(description="for OAUTHBEARER: the asker's secret")
    ] = SecretStr("")
    oauth_scope: Annotated[str, Field(description="for OAUTHBEARER: asked for, if any")] = ""
    aws_region: Annotated[str, Field(description="for AWS_MSK_IAM, e.g. eu-central-1")] = ""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.security.is_authenticated:
            return self
        wanted = {
            Mechanism.OAUTHBEARER: ("oauth_token_url", "oauth_client_id", "oauth_client_secret"),
            Mechanism.AWS_MSK_IAM: ("aws_region",),
        }.get(self.sasl_mechanism, ("sasl_username", "sasl_password"))
        empty = [name for name in wanted if not _text(getattr(self, name))]
        if empty:
            prefix = str(self.model_config.get("env_prefix"))
            variables = ", ".join(prefix + name.upper() for name in empty)
            raise ValueError(f"{self.security} with {self.sasl_mechanism} also needs {variables}")
        return self


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
