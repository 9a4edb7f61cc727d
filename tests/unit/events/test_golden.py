"""The bytes of every event version ever written stay readable, and today's stay as they are.

Each file in golden/ is a record: key, value and headers, as text. A new version adds files; none
changes once it was released. `python -m tests.unit.events.test_golden` writes the absent ones.
"""

import json
from pathlib import Path
from typing import Final

import pytest

from duetime.events.codec import UPCASTERS, VERSIONS, decode, encode
from duetime.events.envelope import Envelope
from duetime.events.types import AnyEvent
from tests.unit.events.samples import DEFERRED, FULL, SPARSE, journey

GOLDEN: Final = Path(__file__).parent / "golden"
TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SAMPLES: Final = {
    f"{type(event).__name__}.v{VERSIONS[type(event)]}.{fullness}": journey(
        event, traceparent=TRACEPARENT if fullness == "full" else None
    )
    for fullness, events in (("full", FULL), ("sparse", SPARSE), ("deferred", DEFERRED))
    for event in events
}


@pytest.mark.parametrize("name", SAMPLES)
def test_an_event_is_encoded_to_its_golden_bytes(name: str) -> None:
    assert (GOLDEN / f"{name}.json").read_text(encoding="utf-8") == _text(SAMPLES[name])


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_bytes_of_every_version_are_read(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))

    envelope = decode(
        key=record["key"].encode(),
        value=record["value"].encode(),
        headers={name: text.encode() for name, text in record["headers"].items()},
    )

    assert isinstance(envelope, Envelope)
    if path.stem in SAMPLES:
        assert SAMPLES[path.stem] == envelope


@pytest.mark.parametrize("kind", VERSIONS, ids=lambda kind: kind.__name__)
def test_every_version_of_a_type_has_golden_bytes_and_a_way_up(kind: type[AnyEvent]) -> None:
    name = kind.__name__
    versions = range(1, VERSIONS[kind] + 1)

    assert [] == [
        version for version in versions if not list(GOLDEN.glob(f"{name}.v{version}.*.json"))
    ]
    assert [] == [version for version in versions[:-1] if (name, version) not in UPCASTERS]


def _text(envelope: Envelope) -> str:
    key, value, headers = encode(envelope)
    record = {
        "key": key.decode(),
        "value": value.decode(),
        "headers": {name: text.decode() for name, text in headers.items()},
    }
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    for absent in (name for name in SAMPLES if not (GOLDEN / f"{name}.json").exists()):
        (GOLDEN / f"{absent}.json").write_text(_text(SAMPLES[absent]), encoding="utf-8")
