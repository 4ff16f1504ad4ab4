"""What every test needs: rendering without a screen, properties that no clock judges."""

import os
from typing import Any

os.environ.setdefault("MUJOCO_GL", "egl")  # before MuJoCo is first imported

from hypothesis import settings

settings.register_profile("no clock", deadline=None)  # a busy machine is no counter-example
settings.load_profile("no clock")


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """Count and name what passed only when it was tried once more."""
    passed = terminalreporter.stats.get("passed", ())
    if config.getoption("lf") and passed:
        terminalreporter.section(f"{len(passed)} passed only at the second try")
        for report in passed:
            terminalreporter.write_line(report.nodeid)
