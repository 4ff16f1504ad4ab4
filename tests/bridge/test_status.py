"""Errors cross the wire, and other processes, as the class that was raised."""

import pickle

import pytest
from handrail_bridge.rpc.status import from_status, to_status
from handrail_drivers.errors import (
    DeviceFault,
    HandrailError,
    InvalidCell,
    PlanRefused,
    UnknownName,
)


def tree(root: type[HandrailError]) -> list[type[HandrailError]]:
    return [root, *(kind for branch in root.__subclasses__() for kind in tree(branch))]


CLASSES = tree(HandrailError)
PARTS = {
    "field": "steps[1].positions.elbow_flex",
    "value": 3.0,
    "limit": 1.69,
    "unit": "rad",
    "hint": "stay within the limits",
    "choices": ("a", "b"),
}


def example(kind: type[HandrailError]) -> HandrailError:
    if kind is UnknownName:
        return UnknownName("joint", "elbow_flux", ("elbow_flex", "gripper"), "positions")
    return kind("The elbow cannot go there.", **PARTS)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_survives_the_wire(kind: type[HandrailError]) -> None:
    sent = example(kind)
    received = from_status(to_status(sent))
    assert type(received) is kind
    assert received.detail() == sent.detail()
    assert str(received) == str(sent)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_survives_another_process(kind: type[HandrailError]) -> None:
    sent = example(kind)
    received = pickle.loads(pickle.dumps(sent))
    assert type(received) is kind
    assert received.detail() == sent.detail()


def test_codes_are_unique_over_the_whole_tree() -> None:
    assert len({kind.code for kind in CLASSES}) == len(CLASSES)


def test_what_a_class_adds_is_there_after_the_wire() -> None:
    assert from_status(to_status(InvalidCell("faults", faults=["a"]))).faults == ()
    assert from_status(to_status(PlanRefused("no"))).verdict is None
    assert from_status(to_status(DeviceFault("gone", subject="arm_bus"))).subject == ""


def test_a_trailer_stays_short_whatever_a_client_sent() -> None:
    long = UnknownName("tool", "x" * 100_000, [f"tool_{i}" for i in range(1000)], "name" * 1000)
    long.value = {"deep": ["y" * 100_000]}
    status = to_status(long)
    assert status.ByteSize() < 6000  # gRPC's limit is 8 KiB of metadata in all
    received = from_status(status)
    assert type(received) is UnknownName
    assert received.message.startswith("There is no tool")


def test_a_value_that_json_cannot_say_is_still_told() -> None:
    assert from_status(to_status(HandrailError("odd", value=object))).value == repr(object)
