"""Other people's packages: found like ours; the broken ones are named, and the rest goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_package import GOOD, install
from handrail_drivers import plugin_trial, plugins
from handrail_drivers.api import API_VERSION
from handrail_drivers.errors import DeviceFault, UnknownName

HANDRAIL = Path(sys.executable).with_name("handrail")
MAJOR, MINOR = API_VERSION
BROKEN = {
    "raises": ("import nothing_like_that", "nothing_like_that"),
    "leaves": ("import sys; sys.exit('no licence')", "no licence"),
    "dies": ("import os; os._exit(3)", "status 3"),
    "hangs": ("import threading; threading.Event().wait()", "has not ended within"),
    "untyped": (GOOD.replace("-> float", ""), "type of its result"),
    "speechless": (GOOD.replace('"How bright it is."', ""), "docstring"),
    "no_settings": (GOOD.replace("class Settings(BaseModel)", "class Options(BaseModel)"), "named"),
    "carrier_pigeon": (GOOD.replace('"serial"', '"pigeon"'), "modbus, none, serial, socket"),
    "newer": (GOOD + f'        handrail_api = "{MAJOR + 1}.0"', "update Handrail"),
    "newer_minor": (GOOD + f'        handrail_api = "{MAJOR}.{MINOR + 1}"', "update Handrail"),
    "older": (GOOD + f'        handrail_api = "{MAJOR - 1}.9"', "newer release of its own"),
    "versionless": (GOOD + "        handrail_api = 1", "not such as"),
}


@pytest.fixture
def packages(tmp_path, monkeypatch):
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def test_all_that_are_broken_are_named_and_the_good_one_is_found(packages, monkeypatch):
    ours = plugin_trial._tried

    def tried(value: str) -> str:  # nobody waits long for the one that hangs, or hurries another
        monkeypatch.setattr(plugin_trial, "LIMIT", 1.0 if value.startswith("hangs") else 60.0)
        return ours(value)

    monkeypatch.setattr(plugin_trial, "_tried", tried)
    install(packages, "lamp", GOOD)
    for name, (source, _) in BROKEN.items():
        install(packages, name, source)
    found, broken = plugins.drivers.found(), plugins.drivers.broken()
    assert {"lamp", "feetech", "modbus"} <= set(found)
    assert broken.keys() == BROKEN.keys()
    for name, (_, why) in BROKEN.items():
        assert why in broken[name], (name, broken[name])
    with pytest.raises(DeviceFault, match="has not ended"):
        plugins.drivers.one("hangs")


def test_a_name_that_another_has_is_not_taken_over(packages):
    install(packages, "impostor", GOOD, plugin="feetech")
    install(packages, "lamp_a", GOOD, plugin="lamp")
    install(packages, "lamp_b", GOOD, plugin="lamp")
    assert plugins.drivers.one("feetech").__module__ == "handrail_drivers.feetech.driver"
    assert set(plugins.drivers.broken()) == {
        "feetech of impostor 1.0",
        "lamp of lamp_a 1.0",
        "lamp of lamp_b 1.0",
    }
    assert (
        "another package has a driver lamp, too" in plugins.drivers.broken()["lamp of lamp_a 1.0"]
    )
    with pytest.raises(UnknownName, match="lamp of lamp_a"):
        plugins.drivers.one("lamp")
    assert {"feetech", "modbus"} <= set(plugins.drivers.names())
    assert "lamp" not in plugins.drivers.names()


def test_the_same_version_is_good(packages):
    install(packages, "lamp", GOOD + f'        handrail_api = "{MAJOR}.{MINOR}"')
    assert plugins.drivers.one("lamp").handrail_api == f"{MAJOR}.{MINOR}"


def test_a_trial_is_kept_until_the_files_change(packages):
    mark = packages.parent / "imports"
    source = f"open({str(mark)!r}, 'a').write('x'); Lamp = 1\n"
    install(packages, "counted", source)
    (entry,) = [e for e in plugins.entry_points(group="handrail.drivers") if e.name == "counted"]
    plugin_trial.try_import(entry)
    plugin_trial.try_import(entry)
    assert mark.read_text() == "x"
    install(packages, "counted", source + "# another version\n")
    plugin_trial.try_import(entry)
    assert mark.read_text() == "xx"


def test_a_failure_is_tried_again_after_a_while(packages, monkeypatch):
    install(packages, "flaky", "raise OSError('not now')")
    (entry,) = [e for e in plugins.entry_points(group="handrail.drivers") if e.name == "flaky"]
    tried = []
    monkeypatch.setattr(plugin_trial, "_tried", lambda value: tried.append(value) or "not now")
    for _ in range(2):
        with pytest.raises(plugin_trial.TrialFailed, match="not now"):
            plugin_trial.try_import(entry)
    assert len(tried) == 1
    monkeypatch.setattr(plugin_trial, "FAILURE_HOLDS", 0.0)
    with pytest.raises(plugin_trial.TrialFailed):
        plugin_trial.try_import(entry)
    assert len(tried) == 2


def test_the_command_lists_them(packages):
    install(packages, "lamp", GOOD)
    install(packages, "raises", BROKEN["raises"][0])
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run(
        [HANDRAIL, "plugins", "--json"], env=environment, capture_output=True, timeout=60
    )
    listed = {one["name"]: one for one in json.loads(done.stdout)["plugins"]}
    assert done.returncode == 1
    assert (listed["lamp"]["package"], listed["lamp"]["fault"]) == ("lamp 1.0", "")
    assert "nothing_like_that" in listed["raises"]["fault"]
    assert {one["kind"] for one in listed.values()} == {kind.kind for kind in plugins.KINDS}


def test_a_cell_with_a_broken_plugin_beside_it_loads(packages):
    from handrail_sim.cell_file import load_cell

    install(packages, "raises", BROKEN["raises"][0])
    assert load_cell("desk").devices.keys() >= {"arm_bus"}
