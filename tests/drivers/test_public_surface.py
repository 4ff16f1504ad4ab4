"""The plugin API is what its version says. This file, run as a script, pins it anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from drivers.public_surface import MUST, change, surface
from handrail_drivers.api import API_VERSION

PINNED = Path(__file__).with_name("public_api.txt")
ANY_TIME = "errors."  # may be added at any time: who catches their parent catches them
VERSION = ".".join(map(str, API_VERSION))


def test_the_surface_is_the_one_of_this_version():
    version, *pinned = PINNED.read_text(encoding="utf-8").splitlines()
    now = [one for one in surface() if one in pinned or not one.startswith(ANY_TIME)]
    needed = change(pinned, now)
    assert not needed, (
        f"the plugin API has changed: that needs a new {needed} version in api.API_VERSION; then "
        f"write {PINNED.name} anew"
    )
    assert version == VERSION


@pytest.mark.parametrize(
    ("before", "after", "needed"),
    [
        (["a", "b"], ["a", "b"], ""),
        (["a"], ["a", "b"], "minor"),
        (["a", "b"], ["a"], "major"),
        (["a(one: int)"], ["a(one: str)"], "major"),
        (["a"], ["a", f"{MUST}b"], "major"),
    ],
)
def test_what_a_compatible_change_is(before, after, needed):
    assert change(before, after) == needed


if __name__ == "__main__":
    PINNED.write_text("\n".join([VERSION, *surface()]) + "\n", encoding="utf-8")
