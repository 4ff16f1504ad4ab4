"""What Handrail is measured against stays as it was: a reference is never made slower."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from handrail_bridge.bench import reference

FOLDER = Path(reference.__file__).parent
# Whoever changes one on purpose puts its new digest here, and says in the change why.
FROZEN = {
    "bare_loop": "12900254d243ec0d",
    "bare_onnx": "9ca995213b46b475",
    "bare_rollout": "0a3627de972a74c4",
    "bidi_echo": "e438f21b3aa1b4b3",
    "echoes": "6c2d96043274655f",
    "grpc_echo": "ff57b487b0ba570f",
    "grpc_stream": "16bf0c708af8abf7",
    "lerobot_bus": "9d373ac0290d911e",
    "mcp_client": "23b5601cafe224b3",
    "mcp_echo": "085bf0e8c0299772",
    "pymodbus_client": "6fd26b23bc4a53e2",
    "pymodbus_poll": "3914638ca7936284",
    "pyserial_loop": "84c096e7a915edbc",
    "serial_echo": "ef50f4f8ad46f82c",
    "serial_flood": "2df85c9b3173a3e1",
    "sleeping_rollout": "49383b9ebd656bce",
    "vendor_sdk": "1acd7e26ff135819",
    "websocket_echo": "4732397dce64598a",
}


def test_every_reference_is_frozen() -> None:
    programs = {file.stem for file in FOLDER.glob("*.py")} - {"__init__"}
    assert programs == set(FROZEN)


@pytest.mark.parametrize("name", FROZEN)
def test_a_reference_is_frozen(name: str) -> None:
    text = (FOLDER / f"{name}.py").read_bytes()
    assert hashlib.sha256(text).hexdigest()[:16] == FROZEN[name]
