"""Settings: read once, odd ones refused with a sentence that helps."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from duetime.settings.base import CommaSeparated, Environment, Settings, SettingsError
from duetime.settings.logs import LogSettings


class _Node(Settings):
    data_dir: Path = Path("/var/lib/duetime")
    password: SecretStr = SecretStr("")


class _Web(Settings):
    model_config = SettingsConfigDict(env_prefix="DUETIME_WEB_")

    port: Annotated[int, Field(ge=0, le=65_535, description="the port to listen on")] = 3001
    origins: CommaSeparated = ("a",)
    token: SecretStr | None = None


def _read(**variables: str) -> Environment:
    return Environment({"PATH": "/bin", **variables}, [_Node, _Web])


def _refusal(**variables: str) -> str:
    with pytest.raises(SettingsError) as refused:
        _read(**variables).read(_Web)
    (sentence,) = refused.value.sentences
    return sentence


def test_without_variables_the_defaults_hold() -> None:
    assert _Web.for_tests() == _read().read(_Web)


def test_each_class_takes_its_own_variables_from_the_one_environment() -> None:
    environment = _read(DUETIME_DATA_DIR="/data", DUETIME_WEB_PORT="80", DUETIME_WEB_ORIGINS="x, y")
    web = environment.read(_Web)

    assert Path("/data") == environment.read(_Node).data_dir
    assert (80, ("x", "y")) == (web.port, web.origins)


def test_what_the_command_line_says_wins_and_what_it_leaves_out_does_not() -> None:
    web = _read(DUETIME_WEB_PORT="80").read(_Web, port=81, origins=None)

    assert (81, ("a",)) == (web.port, web.origins)


@pytest.mark.parametrize("name", ["DUETIME_WEB_PROT", "DUETIME_WEBPORT", "duetime_web_port"])
def test_an_unknown_variable_is_refused_with_the_nearest_and_all_known_names(name: str) -> None:
    sentence = _refusal(**{name: "1"})

    assert sentence.startswith(
        f"{name} is no setting of this process. Did you mean DUETIME_WEB_PORT?"
    )
    assert "DUETIME_DATA_DIR" in sentence
    assert "DUETIME_WEB_ORIGINS" in sentence


def test_a_variable_of_a_class_that_does_not_live_here_is_unknown() -> None:
    with pytest.raises(SettingsError, match="DUETIME_DATA_DIR is no setting of this process"):
        Environment({"DUETIME_DATA_DIR": "/data"}, [_Web])


def test_variables_that_something_else_reads_are_let_through() -> None:
    environment = Environment({"DUETIME_SEED": "7"}, [_Web], also_known=["DUETIME_SEED"])

    assert 3001 == environment.read(_Web).port


def test_other_programs_variables_are_none_of_our_business() -> None:
    assert 3001 == _read(PORT="x", DUETIMES="y").read(_Web).port


def test_a_value_out_of_range_is_refused_with_the_range_and_what_it_is_for() -> None:
    assert (
        "DUETIME_WEB_PORT is '70000': input should be less than or equal to 65535"
        " (the port to listen on)" == _refusal(DUETIME_WEB_PORT="70000")
    )


def test_a_value_of_the_wrong_kind_is_refused() -> None:
    assert "DUETIME_WEB_PORT is 'x'" in _refusal(DUETIME_WEB_PORT="x")


def test_a_choice_that_is_none_is_refused_with_the_choices() -> None:
    with pytest.raises(SettingsError, match="'json'") as refused:
        Environment({"DUETIME_LOG_FORMAT": "xml"}, [LogSettings]).read(LogSettings)

    assert "DUETIME_LOG_FORMAT is 'xml'" in str(refused.value)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("s3cret\n", encoding="utf-8")
    token = _read(DUETIME_WEB_TOKEN_FILE=str(path)).read(_Web).token

    assert token is not None
    assert "s3cret" == token.get_secret_value()


def test_a_secret_s_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    sentence = _refusal(DUETIME_WEB_TOKEN_FILE=str(tmp_path / "none"))

    assert sentence.startswith("DUETIME_WEB_TOKEN_FILE=")
    assert "cannot be read" in sentence


def test_a_secret_twice_is_refused(tmp_path: Path) -> None:
    sentence = _refusal(DUETIME_WEB_TOKEN="a", DUETIME_WEB_TOKEN_FILE=str(tmp_path))

    assert "DUETIME_WEB_TOKEN and DUETIME_WEB_TOKEN_FILE are both set" in sentence


def test_only_secrets_come_from_files() -> None:
    assert "DUETIME_WEB_PORT_FILE is no setting" in _refusal(DUETIME_WEB_PORT_FILE="/x")


def test_the_printout_masks_secrets_and_marks_defaults() -> None:
    web = _read(DUETIME_WEB_TOKEN="s3cret", DUETIME_WEB_PORT="80").read(_Web)

    assert [
        "DUETIME_WEB_PORT=80",
        "DUETIME_WEB_ORIGINS=a  (default)",
        "DUETIME_WEB_TOKEN=********",
    ] == web.printout()
    assert "s3cret" not in repr(web)


def test_settings_do_not_change() -> None:
    web = _Web.for_tests()
    with pytest.raises(ValidationError):
        setattr(web, "port", 4)  # noqa: B010 - mypy would not let it be written plainly


def test_building_one_reads_nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUETIME_WEB_PORT", "80")

    assert 3001 == _Web.for_tests().port


def test_a_class_that_was_not_announced_cannot_be_read() -> None:
    with pytest.raises(LookupError):
        Environment({}, [_Web]).read(_Node)
