"""The kit in pytest: ``--conformance-report FILE`` writes what every subject was found to do.

The checks themselves are the test methods of
:class:`~handrail_drivers.conformance.subject.Conformance`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

KINDS = pytest.StashKey[list[Any]]()
OPTION = "--conformance-report"


def pytest_addoption(parser: Any) -> None:
    """Add the option."""
    group = parser.getgroup("handrail")
    group.addoption(OPTION, metavar="FILE", help="write the conformance of drivers as Markdown")


def pytest_collection_modifyitems(session: Any, config: Any, items: list[Any]) -> None:
    """Remember which classes derived from the kit are run."""
    from handrail_drivers.conformance.subject import Conformance

    del session
    classes = [item.cls for item in items if isinstance(getattr(item, "cls", None), type)]
    kinds = [kind for kind in dict.fromkeys(classes) if issubclass(kind, Conformance)]
    config.stash[KINDS] = kinds


def pytest_sessionfinish(session: Any) -> None:
    """Write the report, if one is asked for."""
    target = session.config.getoption(OPTION)
    if target is None:
        return
    from handrail_drivers.conformance.report import check

    reports = [check(kind()).markdown() for kind in session.config.stash[KINDS]]
    Path(target).write_text("\n".join(reports), encoding="utf-8")
