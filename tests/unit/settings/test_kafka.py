"""The settings of Kafka: complete or refused, secrets masked, handed on in the driver's words."""

import ssl
import sys
from pathlib import Path

import pytest

from duetime.log.kafka.connection import Connection, KafkaSetupError
from duetime.log.kafka.tokens import TokenProvider
from duetime.settings.base import Environment, SettingsError
from duetime.settings.kafka import KafkaSettings


def read(**variables: str) -> KafkaSettings:
    named = {f"DUETIME_KAFKA_{name.upper()}": value for name, value in variables.items()}
    return Environment(named, [KafkaSettings]).read(KafkaSettings)


def test_a_plain_broker_needs_an_address_alone() -> None:
    connection = Connection.of(read(bootstrap_servers="one:9092, two:9092"))

    assert ["one:9092", "two:9092"] == connection.arguments["bootstrap_servers"]
    assert "PLAINTEXT" == connection.arguments["security_protocol"]
    assert connection.compression is None


def test_a_prefix_stands_before_every_name() -> None:
    names = Connection.of(read(prefix="staging-")).names

    assert "staging-executor" == names.group("executor")
    assert "staging-duetime.timer.3" == names.transactional_id("duetime.timer", 3)


def test_logs_behind_other_prefixes_are_other_logs_and_without_one_the_cluster_names_it() -> None:
    plain, staging = (Connection.of(read(prefix=prefix)).names for prefix in ("", "staging-"))

    assert "cluster" == plain.log_id("cluster")
    assert "cluster/staging-" == staging.log_id("cluster")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_names_and_passwords_reach_the_driver(mechanism: str, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    settings = read(
        security="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_username="duetime",
        sasl_password_file=str(secret),
    )
    arguments = Connection.of(settings).arguments

    assert mechanism == arguments["sasl_mechanism"]
    assert "duetime" == arguments["sasl_plain_username"]
    assert "correct horse" == arguments["sasl_plain_password"]
    assert not any("horse" in line for line in settings.printout())


@pytest.mark.parametrize(
    ("mechanism", "named"),
    [
        ("SCRAM-SHA-512", "DUETIME_KAFKA_SASL_USERNAME, DUETIME_KAFKA_SASL_PASSWORD"),
        ("OAUTHBEARER", "DUETIME_KAFKA_OAUTH_TOKEN_URL, DUETIME_KAFKA_OAUTH_CLIENT_ID"),
        ("AWS_MSK_IAM", "DUETIME_KAFKA_AWS_REGION"),
    ],
)
def test_half_a_login_is_refused_with_what_is_missing(mechanism: str, named: str) -> None:
    with pytest.raises(SettingsError, match=f"{mechanism} also needs {named}"):
        read(security="SASL_SSL", sasl_mechanism=mechanism)


def test_bearer_tokens_are_asked_for_when_a_connection_is_made() -> None:
    settings = read(
        security="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        oauth_token_url="https://idp.example/token",
        oauth_client_id="duetime",
        oauth_client_secret="s",
    )
    arguments = Connection.of(settings).arguments

    assert "OAUTHBEARER" == arguments["sasl_mechanism"]
    assert isinstance(arguments["sasl_oauth_token_provider"], TokenProvider)


def test_msk_without_its_extra_is_refused_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "aws_msk_iam_sasl_signer.MSKAuthTokenProvider"
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    settings = read(security="SASL_SSL", sasl_mechanism="AWS_MSK_IAM", aws_region="eu-central-1")

    with pytest.raises(KafkaSetupError, match="aws-msk-iam-sasl-signer-python"):
        Connection.of(settings)


def test_names_of_brokers_are_checked_unless_someone_says_otherwise() -> None:
    checked = Connection.of(read(security="SSL")).arguments["ssl_context"]
    trusting = Connection.of(read(security="SSL", tls_check_hostname="no")).arguments["ssl_context"]

    assert checked.check_hostname
    assert not trusting.check_hostname
    assert ssl.CERT_REQUIRED == checked.verify_mode == trusting.verify_mode


def test_certificates_that_are_not_there_are_named() -> None:
    with pytest.raises(KafkaSetupError, match="TLS files of Kafka cannot be used"):
        Connection.of(read(security="SSL", tls_ca_file="missing.pem"))


@pytest.mark.parametrize(
    ("name", "value", "may_be"),
    [
        ("compression", "brotli", "none, gzip, snappy, lz4 or zstd"),
        ("security", "TLS", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
        ("partitions", "0", "of every topic"),
        ("replication", "9", "copies of each partition"),
        ("prefix", "no spaces", "before every topic"),
        ("bootstrap_servers", "", "host:port"),
    ],
)
def test_odd_values_are_refused_with_what_they_may_be(name: str, value: str, may_be: str) -> None:
    with pytest.raises(SettingsError, match=f"DUETIME_KAFKA_{name.upper()} is .*{may_be}"):
        read(**{name: value})
