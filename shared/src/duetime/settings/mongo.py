"""What a process is told about MongoDB."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, FilePath, SecretStr
from pydantic_settings import SettingsConfigDict

from duetime.settings.base import PREFIX, Settings

_SCHEMES: Final = ("mongodb://", "mongodb+srv://")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,38}")  # MongoDB takes longer ones, and odd characters


def _address(uri: SecretStr) -> SecretStr:
    if not uri.get_secret_value().startswith(_SCHEMES):
        message = f"it must begin with {' or '.join(_SCHEMES)}"
        raise ValueError(message)
    return uri


def _name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        message = "it must have 1 to 38 letters, digits, _ and -"
        raise ValueError(message)
    return name


class MongoSettings(Settings):
    """Read from `DUETIME_MONGO_…`, by api and log-projector."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}MONGO_")

    uri: Annotated[
        SecretStr,
        AfterValidator(_address),
        Field(description="a replica set or a sharded cluster: mongodb://HOST:PORT/?replicaSet=…"),
    ]
    database: Annotated[
        str, AfterValidator(_name), Field(description="where the read models are kept")
    ] = "duetime"
    tls_ca_file: Annotated[
        FilePath | None, Field(description="the certificate of a private authority, as PEM")
    ] = None
