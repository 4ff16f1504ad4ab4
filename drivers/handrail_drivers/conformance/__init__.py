"""The conformance kit: what every driver has to do, as checks that its author only subclasses.

A driver's author writes one class, :class:`~handrail_drivers.conformance.subject.Conformance`: how
to make the driver, an emulator, and one valid call of each tool. ``handrail driver check`` runs
every check on it; in pytest, a subclass whose name begins with ``Test`` is collected.
"""

from handrail_drivers.conformance.report import Outcome, Report, check
from handrail_drivers.conformance.subject import Call, Conformance

__all__ = ["Call", "Conformance", "Outcome", "Report", "check"]
