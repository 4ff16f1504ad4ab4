"""The 2F gripper's registers: words are what they say, either way, and as its manual has them."""

from __future__ import annotations

from handrail_drivers.modbus import frames
from handrail_drivers.robotiq import registers as reg
from handrail_drivers.robotiq.registers import Command, Contact, Status
from hypothesis import given
from hypothesis import strategies as st

BYTE = st.integers(0, 255)
BIT = st.booleans()


@given(st.builds(Command, BIT, BIT, BYTE, BYTE, BYTE, BIT, BIT))
def test_a_command_is_what_its_words_say(command: Command) -> None:
    assert reg.command_of(command.words()) == command
    assert all(0 <= word <= 0xFFFF for word in command.words())


STATUS = st.builds(
    Status,
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(Contact),
    st.integers(0, 15),
    BYTE,
    BYTE,
    BYTE,
)


@given(STATUS)
def test_a_status_is_what_its_words_say(status: Status) -> None:
    assert reg.status_of(status.words()) == status


def test_the_manuals_own_example() -> None:
    """Full speed and force to the closed end, as the manual's Modbus example writes it."""
    command = Command(activate=True, go=True, position=255, speed=255, force=255)
    body = frames.write_registers(9, reg.OUTPUT, command.words()).body
    assert body.hex(" ") == "10 03 e8 00 03 06 09 00 00 ff ff ff"
