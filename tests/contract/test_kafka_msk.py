"""Tokens for Amazon's MSK, from Amazon's own signer: it signs on this machine, over no network."""

from base64 import urlsafe_b64decode
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiokafka.errors import KafkaConnectionError

from duetime import limits
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.tokens import MSK_SECONDS, TokenProvider
from duetime.settings.kafka import KafkaSettings

REGION = "eu-central-1"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have no credentials of this machine found, nor asked for over the network."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def tokens() -> TokenProvider:
    settings = KafkaSettings.for_tests(
        security="SASL_SSL", sasl_mechanism="AWS_MSK_IAM", aws_region=REGION
    )
    arguments = Connection.of(settings).arguments
    assert "OAUTHBEARER" == arguments["sasl_mechanism"]
    found = arguments["sasl_oauth_token_provider"]
    assert isinstance(found, TokenProvider)
    return found


async def test_a_token_is_signed_with_the_credentials_of_the_process_and_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "pencil")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "visitor")
    shared = tokens()
    token = await shared.token()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    again = await shared.token()
    url = urlsplit(urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    signed = {name: value for name, (value,) in parse_qs(url.query).items()}

    assert token == again
    assert ("https", f"kafka.{REGION}.amazonaws.com") == (url.scheme, url.netloc)
    assert "kafka-cluster:Connect" == signed["Action"]
    assert "visitor" == signed["X-Amz-Security-Token"]
    assert ["AKIDEXAMPLE", REGION] == signed["X-Amz-Credential"].split("/")[0:3:2]
    assert MSK_SECONDS == float(signed["X-Amz-Expires"]) > 2 * limits.KAFKA_TOKEN_SPARE_SECONDS
    assert 64 == len(signed["X-Amz-Signature"])


async def test_without_credentials_the_error_says_that_there_are_none() -> None:
    with pytest.raises(KafkaConnectionError, match="no token: there are no credentials of AWS"):
        await tokens().token()
