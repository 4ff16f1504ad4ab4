"""A model of a few pixels, what a cell says of it, and the camera that it looks through."""

from __future__ import annotations

import hashlib

import onnx
from handrail_sim.camera import Camera
from handrail_sim.sight import Perception
from onnx import TensorProto, helper

SIZE = (32, 24)
OPSET = 17


def model(folder, *, shape=(1, 3, 24, 32), kind=TensorProto.FLOAT, opset=OPSET, node="Identity"):
    """Write a model that gives back what it gets, or the square root of what is below it."""
    nodes = [helper.make_node("Identity", ["image"], ["same"])]
    if node == "nan":
        minus = helper.make_tensor("minus", kind, [1], [-1.0])
        nodes = [
            helper.make_node("Constant", [], ["one"], value=minus),
            helper.make_node("Add", ["image", "one"], ["below"]),
            helper.make_node("Sqrt", ["below"], ["same"]),
        ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("same", kind, shape)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save(made, path)
    return path


def declared(path, **changes):
    given = {
        "camera": "eye",
        "model": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "opset": OPSET,
        "input": {"name": "image", "size": SIZE},
        "outputs": {"same": (1, 3, 24, 32)},
        "heads": {"numbers": {"decoder": "embedding", "outputs": ("same",)}},
    }
    return Perception.model_validate({**given, **changes})


EYE = Camera(
    device="eye",
    position=(0, 0, 1),
    quaternion=(1, 0, 0, 0),
    fovy=45,
    width=64,
    height=64,
    search=(-1, 1, -1, 1),
)
