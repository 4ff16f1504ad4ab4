"""What ``handrail driver new`` writes: a package that passes the kit, and stands in the twin."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from foreign_package import metadata
from handrail_drivers.conformance import check
from handrail_drivers.errors import InvalidValue, Refused
from handrail_drivers.plugins import transports
from handrail_drivers.scaffold import Kind, write_package
from handrail_sim.cell_file import SHIPPED, device_settings, load_cell
from handrail_sim.twin.truth import Truth
from handrail_sim.twin.wires import FEEL_EVERY, Wires
from served_wires import served

HANDRAIL = Path(sys.executable).with_name("handrail")
SETTINGS = {
    Kind.SERIAL: 'port = "/dev/null"',
    Kind.SOCKET: 'address = "127.0.0.1:1"',
    Kind.MODBUS: 'port = "/dev/null"',
}


@pytest.fixture(params=list(Kind))
def package(request, tmp_path, monkeypatch):
    """A package as written, found as if it were installed."""
    kind, folder = request.param, tmp_path / "package"
    write_package("lab_slide", kind, folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    of_it = "handrail_lab_slide"
    groups = {
        "handrail.drivers": {"lab_slide": f"{of_it}.driver:LabSlide"},
        "handrail.wires": {"lab_slide": f"{of_it}.emulator:LabSlideEmulator"},
    }
    metadata(folder, of_it, groups)
    yield kind
    for name in [name for name in sys.modules if name.startswith(of_it)]:
        del sys.modules[name]


def test_it_passes_the_kit_as_it_is(package):
    found = importlib.import_module("handrail_lab_slide.conformance").LabSlideConformance()
    report = check(found)
    assert report.passed, report.markdown()
    assert sum(one.result == "passed" for one in report.outcomes) == 17


def test_it_stands_in_the_twin(package, tmp_path):
    from handrail_drivers import plugins

    text = (SHIPPED / "cells" / "desk.toml").read_text()
    text += '\n[devices.slide]\ndriver = "lab_slide"\nwithout_power = "holds"\n'
    text += f"[devices.slide.settings]\n{SETTINGS[package]}\n"
    (tmp_path / "mine.toml").write_text(text)
    cell = load_cell(tmp_path / "mine.toml")
    wires = Wires(cell, Truth(cell, 0, perturb=False), tmp_path, None, 0)
    try:
        driver = plugins.drivers.one("lab_slide")
        kind = transports.one(driver.transport)
        settings = kind.at(device_settings(cell, "slide"), wires.addresses()["slide"])
        transport = kind.over(lambda: kind.stream(settings), settings)
        slide = driver("slide", settings, transport)
        with served(wires):
            slide.connect()
            slide.move_to(0.08)
            for step in range(50 * FEEL_EVERY):
                wires.step(step, 0.002)
            assert slide.read_position().position == pytest.approx(0.04, abs=0.001)
            slide.close()
        transport.close()
    finally:
        wires.close()


def test_the_command_writes_it_and_its_tests_pass(tmp_path):
    folder = tmp_path / "handrail-lab-slide"
    run(tmp_path, HANDRAIL, "driver", "new", "lab_slide", "--transport", "serial")
    assert (folder / "README.md").is_file()
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    tests = run(folder, *pytest_, "--conformance-report", "tests.md", "tests")
    assert "19 passed, 1 skipped" in tests
    path = "handrail_lab_slide.conformance.LabSlideConformance"
    said = run(folder, HANDRAIL, "driver", "check", path, "--report", "check.md", "--json")
    assert json.loads(said)["passed"] is True
    for file in ("tests.md", "check.md"):
        assert (folder / file).read_text().startswith("### Conformance of `handrail_lab_slide")


def test_a_wrong_path_is_told_what_is_right(tmp_path):
    for path in ("nothing.like.that", "handrail_drivers.null_bus.NullBus", "bare"):
        done = subprocess.run(
            [HANDRAIL, "driver", "check", path, "--json"], capture_output=True, timeout=60
        )
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["field"] == "path"


@pytest.mark.parametrize("name", ["Lab", "a", "1st", "class", "lab-pump", "x" * 41, "../up"])
def test_a_name_that_cannot_be_is_refused(name, tmp_path):
    with pytest.raises(InvalidValue, match="cannot be named"):
        write_package(name, Kind.SERIAL, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_name_that_another_driver_has_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="a driver 'feetech' already, in handrail "):
        write_package("feetech", Kind.SERIAL, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path):
    with pytest.raises(Refused):
        write_package("lab_slide", Kind.SERIAL, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("kind", list(Kind))
def test_it_installs_and_is_found(kind, tmp_path):
    folder = tmp_path / "package"
    write_package("lab_slide", kind, folder)
    place = tmp_path / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    site = run(tmp_path, python, "-c", "import site; print(site.getsitepackages()[0])").strip()
    ours = Path(sys.executable).parents[1] / "lib" / Path(site).parent.name / "site-packages"
    (Path(site) / "ours.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n")
    install = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index")
    run(tmp_path, python, *install, "--disable-pip-version-check", str(folder))
    listed = json.loads(
        run(tmp_path, python, "-m", "handrail_bridge.cli.main", "plugins", "--json")
    )
    of_it = [one for one in listed["plugins"] if one["package"] == "handrail-lab-slide 0.1.0"]
    assert [(one["kind"], one["fault"]) for one in of_it] == [("driver", ""), ("wire", "")]
    tests = run(folder, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert "19 passed, 1 skipped" in tests


def run(folder: Path, *command: str | Path) -> str:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
