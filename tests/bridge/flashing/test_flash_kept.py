"""The images that were flashed, and the way back to the one of before."""

from __future__ import annotations

import pytest
from flash_rig import flash, image, kept
from handrail_bridge.cli.main import app
from handrail_bridge.firmware import images as images_module
from handrail_drivers.errors import BoardFault, Refused
from typer.testing import CliRunner


def test_the_image_of_before_is_kept_and_leads_back(board, avrdude, folders):
    avrdude(good=115_200)
    first = flash(board.path, image(folders, "one"))
    second = flash(board.path, image(folders, "two"))
    assert (first.before, second.before) == ("", first.digest)
    images = kept()
    back = images.path(images.of("avr", board.path).before)
    assert back.read_text() == "one"
    third = flash(board.path, back)
    assert (third.digest, third.before) == (first.digest, second.digest)
    again = flash(board.path, back)
    assert again.before == second.digest  # the same again is no new before


def test_without_an_image_of_before_there_is_no_way_back(folders):
    images = kept()
    with pytest.raises(Refused, match="No image of before"):
        images.path(images.of("avr", "/dev/ttyUSB0").before)


def test_after_a_write_that_failed_the_way_back_leads_to_what_was_there(board, avrdude, folders):
    avrdude(good=115_200)
    flash(board.path, image(folders, "one"))
    flash(board.path, image(folders, "two"))
    avrdude(good=9_600)
    for _ in range(2):
        with pytest.raises(BoardFault):
            flash(board.path, image(folders, "three"))
    images = kept()
    back = images.path(images.of("avr", board.path).before)
    assert back.read_text() == "two"
    avrdude(good=115_200)
    assert flash(board.path, back).before == ""  # what three left is no image


def test_the_way_back_is_the_boards_by_whichever_link_and_of_no_other_kind(folders):
    port, link = folders / "ttyACM0", folders / "usb-Uno"
    port.touch()
    link.symlink_to(port)
    images = kept()
    digests = [images.keep(image(folders, text)) for text in ("one", "two")]
    for digest, at in zip(digests, (port, link), strict=True):
        images.flashed("avr", str(at), digest, images.of("avr", str(at)))
    assert images.path(images.of("avr", str(port)).before).read_text() == "one"
    done = asked("--port", str(port), "--previous", "--board", "stm32f405")
    assert isinstance(done, Refused)
    assert "this kind of board" in done.message


def test_two_boards_that_change_ports_keep_their_own_ways_back(folders, monkeypatch):
    monkeypatch.setattr(images_module, "BY_ID", folders / "by-id")
    links = [folders / "by-id" / name for name in ("usb-one", "usb-other")]
    ports = [folders / name for name in ("ttyUSB0", "ttyUSB1")]
    links[0].parent.mkdir()
    for link, port in zip(links, ports, strict=True):
        port.touch()
        link.symlink_to(port)
    images = kept()
    for text, link in zip(("one", "other"), links, strict=True):
        digest = images.keep(image(folders, text))
        images.flashed("avr", str(link), digest, images.of("avr", str(link)))
    for link, port in zip(links, reversed(ports), strict=True):
        link.unlink()
        link.symlink_to(port)
    now = [images.path(images.of("avr", str(port)).now).read_text() for port in ports]
    assert now == ["other", "one"]


def asked(*words: str) -> BaseException | None:
    """What `handrail firmware flash` ends with."""
    return CliRunner().invoke(app, ["firmware", "flash", *words]).exception
