"""Which driver a bridge opens for a camera of the cell."""

from __future__ import annotations

from handrail_bridge.devices.hardware import camera_driver
from handrail_drivers.camera.network import NetworkCamera
from handrail_drivers.camera.usb import UsbCamera
from handrail_sim.cell_file import load_cell

URL = "http://127.0.0.1:1/overhead.mjpg"


def test_a_stream_stands_in_for_whatever_camera_the_cell_has():
    cell = load_cell("desk")
    settings = {"device": "/dev/video0", "maximum_age": 0.7}
    plugged = cell.devices["overhead"].model_copy(
        update={"driver": "usb_camera", "settings": settings}
    )
    cell = cell.model_copy(update={"devices": {**cell.devices, "overhead": plugged}})
    assert isinstance(camera_driver(cell, "overhead", None), UsbCamera)
    twins = camera_driver(cell, "overhead", URL)
    assert isinstance(twins, NetworkCamera)
    assert (twins._settings.url, twins._settings.maximum_age) == (URL, 0.7)
