"""Certificates for servers and clients of this machine: made for one test, with openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.ports import HOST

_DAYS: Final = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A key, a certificate that vouches for itself, and both in one file. All are PEM."""

    key: Path
    certificate: Path
    both: Path


def certified(folder: Path, name: str, *, subject: str = HOST) -> Certified:
    """Make a certificate of its own for this machine's address, as `subject`."""
    made = Certified(
        key=folder / f"{name}-key.pem",
        certificate=folder / f"{name}.pem",
        both=folder / f"{name}-both.pem",
    )
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", _DAYS),
            *("-keyout", made.key, "-out", made.certificate, "-subj", f"/CN={subject}"),
            *("-addext", f"subjectAltName=IP:{HOST}"),
        ],
        check=True,
        capture_output=True,
    )
    made.both.write_text(made.key.read_text() + made.certificate.read_text())
    return made
