"""The committed code beside each .proto is what the generator writes today."""

import subprocess
import sys
from pathlib import Path

import pytest

PROTOS = Path(__file__).parents[1] / "protos"
COMMITTED = sorted((PROTOS / "handrail" / "v1").glob("*_pb2*.py*"))


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory):
    out = tmp_path_factory.mktemp("protos")
    subprocess.run(
        [sys.executable, PROTOS / "generate.py", out],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return out / "handrail" / "v1"


def test_every_proto_has_generated_code():
    stems = {path.stem for path in (PROTOS / "handrail" / "v1").glob("*.proto")}
    assert stems
    assert {f"{stem}_pb2.py" for stem in stems} <= {path.name for path in COMMITTED}


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_generated_code_has_not_drifted(regenerated, path):
    assert (regenerated / path.name).read_text() == path.read_text(), (
        f"{path.name} differs from what its .proto generates: run `make protos`"
    )


def test_generator_writes_no_file_that_is_not_committed(regenerated):
    assert {path.name for path in regenerated.iterdir()} == {path.name for path in COMMITTED}
