"""The run directory: private, held by one bridge, honest about bridges that died."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from handrail_bridge import run_dir
from handrail_drivers.errors import ProcessLost, Refused


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_it_is_private(runtime: Path) -> None:
    folder = run_dir.RunDir("desk")
    for path in (runtime / "handrail", runtime / "handrail" / "desk"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    folder.close()


def test_a_running_bridge_is_found() -> None:
    folder = run_dir.RunDir("desk")
    folder.publish("127.0.0.1:4000", ())
    found = run_dir.running()
    assert (found.address, found.pid) == ("127.0.0.1:4000", os.getpid())
    assert run_dir.running("desk") == found
    folder.close()


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("127.0.0.1:4000", True),
        ("localhost:4000", True),
        ("[::ffff:127.0.0.1]:4001", False),
        ("127.0.0.1:4001", False),
        ("127.0.0.1:http", False),
        ("a..b:4000", False),
        ("unix:/tmp/x", False),
    ],
)
def test_a_bridge_is_found_however_its_address_is_spelt(address: str, found: bool) -> None:
    folder = run_dir.RunDir("desk")
    folder.publish("127.0.0.1:4000", ())
    assert (run_dir.at(address) is not None) == found
    folder.close()


def test_who_could_be_either_of_two_bridges_is_neither() -> None:
    folders = [run_dir.RunDir(name) for name in ("desk", "other")]
    for folder in folders:
        folder.publish("localhost:4000", ())
    assert run_dir.at("127.0.0.1:4000") is None
    for folder in folders:
        folder.close()


def owned_by_somebody(which: Path) -> Callable[[Path], os.stat_result]:
    strange = os.stat_result((0, 0, 0, 0, os.getuid() + 1, 0, 0, 0, 0, 0))
    lstat = Path.lstat
    return lambda path: strange if path == which else lstat(path)


def test_a_record_of_somebody_else_is_no_bridge(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_dir.RunDir("desk")
    folder.publish("127.0.0.1:4000", ())
    for theirs in ("handrail", "handrail/desk", "handrail/desk/bridge.json"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "lstat", owned_by_somebody(runtime / theirs))
            assert run_dir.all_running() == []
    assert run_dir.all_running()
    record = runtime / "handrail/desk/bridge.json"
    record.replace(runtime / "elsewhere.json")
    record.symlink_to(runtime / "elsewhere.json")
    assert run_dir.all_running() == []
    folder.close()


def test_a_bridge_is_no_successor_of_its_own() -> None:
    folder = run_dir.RunDir("desk")
    folder.publish("127.0.0.1:4000", ())
    assert not run_dir.is_succeeded("desk", os.getpid())
    assert run_dir.is_succeeded("desk", os.getpid() + 1)
    folder.close()
    assert not run_dir.is_succeeded("desk", os.getpid() + 1)


def test_no_bridge_is_a_sentence() -> None:
    with pytest.raises(ProcessLost, match="No bridge") as lost:
        run_dir.running()
    assert "handrail up" in lost.value.hint


def test_two_bridges_have_to_be_told_apart() -> None:
    folders = [run_dir.RunDir(name) for name in ("desk", "lab")]
    for folder in folders:
        folder.publish("127.0.0.1:4000", ())
    with pytest.raises(ProcessLost, match="Several"):
        run_dir.running()
    assert run_dir.running("lab").cell == "lab"
    for folder in folders:
        folder.close()


def test_a_second_bridge_of_one_cell_is_refused() -> None:
    folder = run_dir.RunDir("desk")
    with pytest.raises(Refused, match="Another bridge"):
        run_dir.RunDir("desk")
    folder.close()
    run_dir.RunDir("desk").close()


def test_what_a_killed_bridge_left_behind_does_not_count(runtime: Path) -> None:
    folder = run_dir.RunDir("desk")
    folder.publish("127.0.0.1:4000", ())
    os.close(folder._lock)  # as the kernel does for a killed process
    with pytest.raises(ProcessLost):
        run_dir.running()
    again = run_dir.RunDir("desk")
    assert not (runtime / "handrail" / "desk" / "bridge.json").exists()
    again.close()


def test_a_folder_that_is_a_link_is_refused(runtime: Path) -> None:
    (runtime / "elsewhere").mkdir()
    (runtime / "handrail").symlink_to(runtime / "elsewhere")
    with pytest.raises(Refused, match="somebody else"):
        run_dir.RunDir("desk")
