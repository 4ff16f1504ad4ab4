"""A model under onnxruntime: checked against what the cell declares, its input's buffer made once.

The only module that imports onnxruntime.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from handrail_drivers.errors import InvalidModel
from handrail_drivers.plugins import decoders
from handrail_sim.model_shape import differs, fits
from handrail_sim.sight import Perception
from numpy.typing import NDArray

Tensor = NDArray[Any]
TYPES = {"float32": "tensor(float)", "float16": "tensor(float16)", "uint8": "tensor(uint8)"}
# numpy's letter of the numbers that an output may hold; what is not here no decoder can read
KINDS = {
    **{f"tensor({name})": "f" for name in ("float16", "float", "double")},
    **{f"tensor(int{bits})": "i" for bits in (8, 16, 32, 64)},
    **{f"tensor(uint{bits})": "u" for bits in (8, 16, 32, 64)},
    "tensor(bool)": "b",
}
WARM_UP = 3  # runs before the first that counts


class Model:
    """One loaded model. ``input`` is the tensor to fill before each :meth:`run`.

    Raises:
        InvalidModel: the file is another one, is no model, is not what the cell declares, or runs
            elsewhere than declared.
        UnknownName, DeviceFault: a decoder is not installed, or broken.
    """

    def __init__(self, path: Path, declared: Perception) -> None:
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest != declared.sha256:
            raise differs(
                path, "sha256", "is another file than the cell pins", digest, declared.sha256
            )
        self._session = _session(path, data, declared)
        _check_opset(path, data, declared)
        _check_input(path, self._session, declared)
        _check_outputs(path, self._session, declared)
        self._require_provider(path, declared.providers[0])
        self._names = tuple(declared.outputs)
        self._name = declared.input.name
        self.input: Tensor = np.zeros(declared.input.shape, np.dtype(declared.input.type))
        self._binding = self._session.io_binding()
        self._binding.bind_cpu_input(self._name, self.input)
        self._copied = self.providers != ["CPUExecutionProvider"]
        for name in self._names:
            self._binding.bind_output(name)
        for _ in range(WARM_UP):
            self.run()

    @property
    def providers(self) -> list[str]:
        """The execution providers that are at work."""
        used: list[str] = self._session.get_providers()
        return used

    def run(self) -> dict[str, Tensor]:
        """Run on what ``input`` holds; return the declared outputs by name."""
        if self._copied:  # binding is what copies to a device: once bound, it keeps that picture
            self._binding.bind_cpu_input(self._name, self.input)
        self._session.run_with_iobinding(self._binding)
        return dict(zip(self._names, self._binding.copy_outputs_to_cpu(), strict=True))

    def _require_provider(self, path: Path, wanted: str) -> None:
        """Onnxruntime goes on with the next provider where one does not start, and only logs it."""
        if self.providers[0] != wanted:
            raise InvalidModel(
                f"{path.name}: {wanted} did not start; onnxruntime would run it on "
                f"{self.providers[0]}.",
                field="providers",
                value=self.providers[0],
                limit=wanted,
                hint="install what it needs (its driver, CUDA, cuDNN), or name another first",
            )


def _session(path: Path, data: bytes, declared: Perception) -> onnxruntime.InferenceSession:
    present = onnxruntime.get_available_providers()
    if missing := [name for name in declared.providers if name not in present]:
        raise InvalidModel(
            f"{path.name}: this onnxruntime has no {missing[0]}.",
            field="providers",
            value=missing[0],
            choices=present,
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = declared.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; they come as exceptions
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the core
    try:
        return onnxruntime.InferenceSession(data, options, providers=list(declared.providers))
    except Exception as error:  # onnxruntime's errors have no common root of their own
        sentence = str(error).splitlines()[0]
        raise InvalidModel(
            f"{path.name} cannot be loaded: {sentence}",
            field="model",
            hint="export it for an opset that this onnxruntime knows",
        ) from error


def _check_input(path: Path, session: onnxruntime.InferenceSession, declared: Perception) -> None:
    found = session.get_inputs()
    if len(found) != 1:
        names = ", ".join(one.name for one in found)
        raise differs(path, "input", "must have one input", names, declared.input.name)
    (given,) = found
    if given.name != declared.input.name:
        raise differs(
            path, "input.name", "names its input otherwise", given.name, declared.input.name
        )
    if given.type != TYPES[declared.input.type]:
        raise differs(
            path, "input.type", "takes another type", given.type, TYPES[declared.input.type]
        )
    if not fits(given.shape, declared.input.shape):
        raise differs(path, "input.size", "takes another shape", given.shape, declared.input.shape)


def _check_outputs(path: Path, session: onnxruntime.InferenceSession, declared: Perception) -> None:
    found = {one.name: one for one in session.get_outputs()}
    for name, shape in declared.outputs.items():
        if name not in found:
            raise differs(path, "outputs", f"has no output {name!r}", sorted(found), name)
        if not fits(found[name].shape, shape):
            given = found[name].shape
            raise differs(path, f"outputs.{name}", "gives another shape", given, shape)
        for head in declared.heads.values():
            if name in head.outputs:
                _check_type(path, name, found[name].type, head.decoder)


def _check_type(path: Path, name: str, given: str, decoder: str) -> None:
    kind: Any = decoders.one(decoder)  # its shape is handrail_drivers.decoder.Decoder
    read = getattr(kind, "kinds", "f")
    if KINDS.get(given, "?") not in read:
        raise InvalidModel(
            f"{path.name}: its output {name!r} is a {given}; {decoder} does not read it.",
            field=f"outputs.{name}",
            value=given,
            choices=[one for one, letter in KINDS.items() if letter in read],
            hint="export the model so, or have another decoder read it",
        )


def _check_opset(path: Path, data: bytes, declared: Perception) -> None:
    """Onnxruntime does not tell it: field 8 of the ModelProto, of the domain without a name."""
    if declared.opset is None:
        return
    imports = (dict(fields(part)) for number, part in fields(data) if number == 8)
    opset = next((one.get(2) for one in imports if not one.get(1)), None)
    if opset != declared.opset:
        raise differs(path, "opset", "is of another opset", opset, declared.opset)


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a protobuf message, number and value; ends where it is none.

    https://protobuf.dev/programming-guides/encoding
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == 2:
            length, at = _varint(data, at)
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            break
    return value, at
