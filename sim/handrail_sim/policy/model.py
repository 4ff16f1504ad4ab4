"""A policy under onnxruntime: held against what the cell declares, buffers bound once, warmed up.

The only module of the package that imports onnxruntime.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from handrail_drivers.errors import InvalidModel
from numpy.typing import NDArray

from handrail_sim.model_shape import differs, fits
from handrail_sim.policy.declared import OUTPUT, PIXELS, PLANE, Policy

Tensor = NDArray[np.float32]
FLOAT = "tensor(float)"
WARM_UP = 20  # answers before the first that counts; the fastest tells how long one takes


class PolicyModel:
    """One loaded policy. ``inputs`` are its tensors, to fill in place before each :meth:`ask`.

    Raises:
        InvalidModel: the file is another one, is no model, is not what the cell declares, or
            needs longer than its budget for one answer.
    """

    def __init__(self, path: Path, declared: Policy, joints: int) -> None:
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest != declared.sha256:
            what = "is another file than the cell pins"
            raise differs(path, "sha256", what, digest, declared.sha256)
        session = _session(path, data)
        _check_inputs(path, session, declared.inputs)
        _check_output(path, session, (1, joints))
        self.inputs: dict[str, Tensor] = {
            name: np.zeros(shape, np.float32) for name, shape in declared.inputs.items()
        }
        self._answer: Tensor = np.zeros((1, joints), np.float32)
        self._session, self._binding = session, session.io_binding()
        for name, tensor in self.inputs.items():
            self._binding.bind_cpu_input(name, tensor)
        at = self._answer.ctypes.data
        self._binding.bind_output(OUTPUT, "cpu", 0, np.float32, self._answer.shape, at)
        self._warm_up(path, declared.budget)

    def ask(self) -> Tensor:
        """Return its answer to what ``inputs`` hold: (joints,) [rad/s], overwritten next time."""
        self._session.run_with_iobinding(self._binding)
        answer: Tensor = self._answer[0]
        return answer

    def _warm_up(self, path: Path, budget: float) -> None:
        took = []
        for _ in range(WARM_UP):
            began = time.perf_counter()
            self.ask()
            took.append(time.perf_counter() - began)
        if min(took) > budget:
            what = f"needs {min(took) * 1000:.2f} ms for an answer, at best"
            raise differs(path, "budget", what, min(took), budget)


def _session(path: Path, data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the tick's own
    options.log_severity_level = 3  # errors; they come as exceptions
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common root of their own
        raise InvalidModel(
            f"{path.name} cannot be loaded: {str(error).splitlines()[0]}",
            field="model",
            hint="export it for an opset that this onnxruntime knows",
        ) from error


def _check_inputs(
    path: Path, session: onnxruntime.InferenceSession, declared: Mapping[str, tuple[int, ...]]
) -> None:
    found = {one.name: one for one in session.get_inputs()}
    for name, given in found.items():
        if len(given.shape) > PLANE:
            raise InvalidModel(
                f"{path.name}: its input {name!r} {PIXELS}.",
                field="inputs",
                value=given.shape,
                hint="train a policy on joints, target and what perception tells",
            )
    if set(found) != set(declared):
        raise differs(path, "inputs", "has other inputs", sorted(found), sorted(declared))
    for name, shape in declared.items():
        _check_tensor(path, f"inputs.{name}", found[name], shape)


def _check_output(
    path: Path, session: onnxruntime.InferenceSession, shape: tuple[int, ...]
) -> None:
    found = session.get_outputs()
    if [one.name for one in found] != [OUTPUT]:
        names = [one.name for one in found]
        raise differs(path, "outputs", "must have one output", names, [OUTPUT])
    _check_tensor(path, f"outputs.{OUTPUT}", found[0], shape)


def _check_tensor(
    path: Path, field: str, given: onnxruntime.NodeArg, shape: tuple[int, ...]
) -> None:
    if given.type != FLOAT:
        raise differs(path, field, f"has another type at {field}", given.type, FLOAT)
    if not fits(given.shape, shape):
        raise differs(path, field, f"has another shape at {field}", given.shape, list(shape))
