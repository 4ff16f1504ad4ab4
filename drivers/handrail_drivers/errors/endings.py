"""What ended before it should: a motion, a record, a model, a process."""

from __future__ import annotations

from handrail_drivers.errors.root import HandrailError


class MotionStopped(HandrailError):
    """The motion was stopped before the plan's end."""

    code = "motion_stopped"
    status = "ABORTED"


class AuditBroken(HandrailError):
    """The audit log is not what was written, or cannot be read."""

    code = "audit_broken"
    status = "DATA_LOSS"


class ModelLost(HandrailError):
    """The language model does not answer, or refuses to."""

    code = "model_lost"
    status = "UNAVAILABLE"


class ProcessLost(HandrailError):
    """A process of ours died or does not answer."""

    code = "process_lost"
    status = "UNAVAILABLE"
