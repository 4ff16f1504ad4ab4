"""Generate the Python code beside the .proto files; `--check DIR` writes elsewhere instead."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent


def generate(out: Path) -> int:
    """Write the generated modules and stubs under out; return protoc's exit status."""
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("handrail/v1/*.proto"))
    flags = [f"--{kind}_out={out}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    # protoc finds the mypy plugins beside this interpreter
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    known = Path(protoc.__file__).parent / "_proto"  # protobuf's own files
    status: int = protoc.main(["protoc", f"-I{ROOT}", f"-I{known}", *flags, *sources])
    return status


if __name__ == "__main__":
    sys.exit(generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))
