"""A board as it says it is."""

from __future__ import annotations

import time
from typing import Annotated

from handrail.v1.link_layout import BoardState, LinkFeature, LinkVersion, ResetCause, Status
from pydantic import BaseModel, Field

from handrail_drivers.api import Unit
from handrail_drivers.board.description import named, text
from handrail_drivers.board.session import Session


class FaultCounters(BaseModel):
    """What went wrong since the board began, as it counts."""

    bad_crc: int
    bad_frame: int
    bad_guard: int
    overruns: int
    unsent: int
    refused: int
    repeated: int
    dead_man: int
    emergency_stops: int
    missed: Annotated[int, Field(description="samples that were not taken in their period")]


class BoardReport(BaseModel):
    """A board as it says it is."""

    time_ns: int
    application: str
    version: int
    board: str
    link: Annotated[str, Field(description="what both sides can do")]
    armed: Annotated[bool, Field(description="what moves may leave its safe value")]
    emergency_stop: bool
    reset_cause: str
    held: Annotated[list[str], Field(description="outputs that the bridge keeps")]
    faults: FaultCounters
    gaps: Annotated[int, Field(description="frames of samples that were lost")]
    longest_poll: Annotated[
        float, Unit("s"), Field(description="longest between two looks at the emergency stop")
    ]
    clock_error: Annotated[
        float | None, Unit("s"), Field(description="within which times are right")
    ]
    clock_drift: Annotated[
        float | None, Unit("[ppm]"), Field(description="by which its counter runs fast")
    ]


def report(session: Session, status: Status) -> BoardReport:
    """Return what a board's status and its session say."""
    hello = session.hello
    known = session.clock_state()
    return BoardReport(
        time_ns=time.monotonic_ns(),
        application=text(hello.application),
        version=hello.version,
        board=text(hello.board),
        link=together(session),
        armed=bool(status.state & BoardState.ARMED),
        emergency_stop=bool(status.state & BoardState.EMERGENCY_STOP),
        reset_cause=named(ResetCause, status.reset_cause),
        held=sorted(session.held()),
        faults=FaultCounters(
            **{name: getattr(status, name) for name in FaultCounters.model_fields}
        ),
        gaps=session.gaps,
        longest_poll=status.longest_poll / hello.counter_hz,
        clock_error=known.error_ns * 1e-9 if known else None,
        clock_drift=known.drift_ppm if known else None,
    )


def together(session: Session) -> str:
    """Say which versions meet, and what they can do together."""
    hello = session.hello
    able = [one.name.lower() for one in LinkFeature if session.has(one)]
    lacking = [one.name.lower() for one in LinkFeature if not session.has(one)]
    ours = f"{LinkVersion.MAJOR}.{LinkVersion.MINOR}"
    said = f"board {hello.major}.{hello.minor}, bridge {ours}: commands"
    said += "".join(f", {name}" for name in able)
    said += f"; without {', '.join(lacking)}" if lacking else ""
    unknown = ", ".join(session.left_out)
    return said + (f"; channels that this bridge does not know: {unknown}" if unknown else "")
