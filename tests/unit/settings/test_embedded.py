"""What `duetime run` may be told: values that would be taken for something else are refused."""

import pytest

from duetime.api.settings import ApiSettings
from duetime.embedded.settings import EmbeddedSettings
from duetime.settings.base import Environment, SettingsError


def test_an_empty_folder_is_refused_rather_than_taken_for_the_one_it_was_started_in() -> None:
    environment = Environment({"DUETIME_DATA_DIR": ""}, [EmbeddedSettings])
    with pytest.raises(SettingsError, match=r"DUETIME_DATA_DIR is '': .*name a folder"):
        environment.read(EmbeddedSettings)


@pytest.mark.parametrize("origin", ["duetime.example", "http://duetime.example/", "https://", "x"])
def test_what_is_no_origin_is_refused_as_it_would_never_match(origin: str) -> None:
    environment = Environment({"DUETIME_API_CORS_ORIGINS": origin}, [ApiSettings])
    with pytest.raises(SettingsError, match=r"is no origin such as https://duetime.example:8443"):
        environment.read(ApiSettings)


def test_origins_come_with_commas_between_them() -> None:
    text = "https://duetime.example, http://[::1]:3000,*"
    settings = Environment({"DUETIME_API_CORS_ORIGINS": text}, [ApiSettings]).read(ApiSettings)

    assert ("https://duetime.example", "http://[::1]:3000", "*") == settings.cors_origins
