"""What several tests of the bridge use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from reflex_trial import Trial


@pytest.fixture
def trial() -> Iterator[Callable[..., Trial]]:
    """Make loops that end with the test."""
    made: list[Trial] = []

    def make(*args: object, **changes: object) -> Trial:
        made.append(Trial(*args, **changes))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.rig.close()
