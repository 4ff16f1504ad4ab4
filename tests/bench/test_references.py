"""What Handrail is measured against stays as it was: a reference is never made slower."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from handrail_bridge.bench import reference

# Whoever changes one on purpose puts its new digest here, and says in the change why.
FROZEN = {
    "bare_rollout": "0a3627de972a74c4",
    "bidi_echo": "e438f21b3aa1b4b3",
    "echoes": "6c2d96043274655f",
    "grpc_echo": "ff57b487b0ba570f",
    "grpc_stream": "16bf0c708af8abf7",
    "lerobot_bus": "9d373ac0290d911e",
    "pymodbus_client": "6fd26b23bc4a53e2",
    "pymodbus_poll": "3914638ca7936284",
    "pyserial_loop": "84c096e7a915edbc",
    "sleeping_rollout": "49383b9ebd656bce",
    "vendor_sdk": "1acd7e26ff135819",
    "websocket_echo": "4732397dce64598a",
}


@pytest.mark.parametrize("name", FROZEN)
def test_a_reference_is_frozen(name: str) -> None:
    text = (Path(reference.__file__).parent / f"{name}.py").read_bytes()
    assert hashlib.sha256(text).hexdigest()[:16] == FROZEN[name]
