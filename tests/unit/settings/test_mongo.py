"""What a process is told about MongoDB, and what it refuses to be told."""

from pathlib import Path

import pytest

from duetime.settings.base import Environment, SettingsError
from duetime.settings.mongo import MongoSettings

URI = "mongodb://ada:s3cret@a,b/?replicaSet=rs0"


def read(**variables: str) -> MongoSettings:
    return Environment(variables, [MongoSettings]).read(MongoSettings)


def refusal(**variables: str) -> str:
    with pytest.raises(SettingsError) as refused:
        read(**{"DUETIME_MONGO_URI": URI, **variables})
    (sentence,) = refused.value.sentences
    return sentence


def test_an_address_is_all_that_must_be_told() -> None:
    settings = read(DUETIME_MONGO_URI=URI)

    assert URI == settings.uri.get_secret_value()
    assert "duetime" == settings.database
    assert None is settings.tls_ca_file


def test_an_address_is_a_secret_that_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "uri"
    file.write_text(f"{URI}\n", encoding="utf-8")
    settings = read(DUETIME_MONGO_URI_FILE=str(file))

    assert URI == settings.uri.get_secret_value()
    assert "s3cret" not in "\n".join(settings.printout())


def test_without_an_address_there_is_no_start() -> None:
    with pytest.raises(SettingsError, match="DUETIME_MONGO_URI"):
        read()


@pytest.mark.parametrize("uri", ["", "http://s3cret", "host:27017"])
def test_an_address_of_something_else_is_refused_and_not_shown(uri: str) -> None:
    sentence = refusal(DUETIME_MONGO_URI=uri)

    assert "must begin with mongodb:// or mongodb+srv://" in sentence
    assert "s3cret" not in sentence


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "$a", "a b", "a" * 39])
def test_a_name_that_mongodb_would_not_take_is_refused(name: str) -> None:
    assert "DUETIME_MONGO_DATABASE" in refusal(DUETIME_MONGO_DATABASE=name)


def test_a_certificate_that_is_not_there_is_refused() -> None:
    assert "DUETIME_MONGO_TLS_CA_FILE" in refusal(DUETIME_MONGO_TLS_CA_FILE="/nowhere/ca.pem")
