"""Where agents may come in: this machine alone, or no bridge starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from handrail_bridge.bridge import running
from handrail_bridge.server.server import loopback
from handrail_drivers.errors import NotPermittedRole
from handrail_sim.cell_file import load_cell


@pytest.mark.parametrize(
    "listen",
    [
        *("0.0.0.0:0", "[::]:0", "192.0.2.1:4000", "example.org:0", ":0", "127.0.0.1"),
        *("127.0.0.1:x", "unix:/tmp/rail", "127.0.0.1:0,0.0.0.0:0", "0x7f000001:0"),
    ],
)
def test_what_others_could_reach_is_no_address(listen: str) -> None:
    with pytest.raises(NotPermittedRole) as refused:
        loopback(listen)
    assert (refused.value.field, refused.value.value) == ("listen", listen)


async def test_a_bridge_for_others_to_reach_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(NotPermittedRole) as refused:
        async with running(load_cell("desk"), {}, {}, "0.0.0.0:0"):
            pass
    assert refused.value.field == "listen"
    assert "127.0.0.1" in refused.value.hint
    assert not list(tmp_path.iterdir()), "it was refused after it had begun"
