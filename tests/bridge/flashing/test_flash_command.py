"""What `handrail firmware flash` makes of its words."""

from __future__ import annotations

import itertools

import pytest
from flash_rig import image
from handrail_bridge.cli import firmware as cli
from handrail_bridge.cli.main import app
from handrail_drivers.errors import InvalidRequest
from typer.testing import CliRunner

ONE = [["--image", "one.hex"], ["--previous"], ["--application", "pusher"]]


@pytest.mark.parametrize("both", list(itertools.combinations(ONE, 2)))
def test_two_images_are_one_too_many(folders, both):
    words = ["firmware", "flash", "--port", "/dev/ttyUSB0", *both[0], *both[1]]
    assert isinstance(CliRunner().invoke(app, words).exception, InvalidRequest)


@pytest.mark.parametrize(
    ("words", "built"), [([], "desk"), (["--application", "pusher"], "pusher")]
)
def test_it_builds_the_application_that_is_named(folders, monkeypatch, words, built):
    seen = []

    async def flash(_kind, _programmer, port, what, _tell, wait, baud):
        seen.append((port, what, wait, baud))

    monkeypatch.setattr(cli, "build_image", lambda _, application: image(folders, application))
    monkeypatch.setattr(cli, "flash_board", flash)
    words = ["firmware", "flash", "--port", "p", "--baud", "57600", "--wait", "3", *words]
    CliRunner().invoke(app, [*words, "--json"])
    assert seen == [("p", folders / f"{built}.hex", 3.0, 57_600)]
