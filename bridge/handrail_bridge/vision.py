"""Pictures: finding coloured objects in them, encoding them, making films of them.

Beside it only calibration and references of benches use OpenCV. Images: BGR, uint8, (h, w, 3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from handrail_drivers.errors import HandrailError, InvalidValue
from handrail_sim.camera import Camera, Lens
from handrail_sim.cell import SceneObject
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Point = tuple[float, float, float]

FORMATS = {"jpeg": ".jpg", "png": ".png"}
JPEG_QUALITY = 90
DOMINANT = 1.7  # a colour's channels against the others'
BRIGHT = 50  # of 255: darker is shadow
SMALLEST, LARGEST = 0.6, 2.0  # of an object's expected area: less is half hidden, more is two
BGR = {"blue": (0,), "green": (1,), "red": (2,), "yellow": (1, 2)}


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in a picture: its centre [m] and yaw [rad] in the world's frame."""

    color: str
    position: Point
    yaw: float  # faces repeat each quarter turn: -pi/4 to pi/4
    covariance: tuple[float, float, float] = (0.0, 0.0, 0.0)  # m2, xx xy yy; zeros: nobody says
    turn_sigma: float = 0.0  # rad, of the yaw; 0: nobody says


class Pinhole:
    """A calibrated camera of the cell: pixels to points of a level plane, and back.

    A pixel's middle is a whole number. Where the cell has a lens, its distortion is taken out.
    """

    def __init__(self, camera: Camera) -> None:
        lens = camera.lens or plain_lens(camera)
        self._matrix, self._distortion = matrix_of(lens), np.array(lens.distortion)
        self._distorts = bool(self._distortion.any())
        self._middle = self._matrix[:2, 2].copy()
        self._focal = np.array([self._matrix[0, 0], self._matrix[1, 1]])
        self._position = np.array(camera.position)
        self._rotation = _matrix(camera.quaternion) * (1.0, -1.0, -1.0)  # z ahead, y down

    def on_plane(
        self, pixels: NDArray[np.float64], height: float | NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return where rays through pixels (n, 2) meet z = height, one or (n,); (n, 3) [m]."""
        rays = self._rays(pixels)
        scale = (height - self._position[2]) / rays[:, 2]
        points: NDArray[np.float64] = self._position + rays * scale[:, None]
        return points

    def at_depth(self, pixel: NDArray[np.float64], depth: float) -> NDArray[np.float64]:
        """Return the point (3,) [m] that a pixel (2,) shows at a distance along the view [m]."""
        point: NDArray[np.float64] = self._position + self._rays(pixel[None])[0] * depth
        return point

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixels (n, 2) of points (n, 3) [m]."""
        local = (points - self._position) @ self._rotation
        still = np.zeros(3)
        found, _ = cv2.projectPoints(local, still, still, self._matrix, self._distortion)
        pixels: NDArray[np.float64] = found.reshape(-1, 2)
        return pixels

    def area(self, size: float, point: Point) -> float:
        """Return the area [px] of a level square of edge ``size`` [m] at a point."""
        distance = self._position[2] - point[2]
        return float(self._matrix[0, 0] * self._matrix[1, 1] * (size / distance) ** 2)

    def _rays(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the directions (n, 3) that pixels (n, 2) show, of length one along the view."""
        flat = (pixels - self._middle) / self._focal
        if self._distorts:
            distorted = np.ascontiguousarray(pixels, float).reshape(-1, 1, 2)
            flat = cv2.undistortPoints(distorted, self._matrix, self._distortion).reshape(-1, 2)
        rays: NDArray[np.float64] = flat @ self._rotation[:, :2].T + self._rotation[:, 2]
        return rays


def plain_lens(camera: Camera) -> Lens:
    """Return the lens of a pinhole with the camera's field of view."""
    focal = camera.height / 2 / math.tan(math.radians(camera.fovy) / 2)
    middle = (camera.width / 2 - 0.5, camera.height / 2 - 0.5)
    return Lens(focal=(focal, focal), center=middle)


def matrix_of(lens: Lens) -> NDArray[np.float64]:
    """Return the camera matrix (3, 3) of a lens."""
    (across, down), (x, y) = lens.focal, lens.center
    return np.array([[across, 0.0, x], [0.0, down, y], [0.0, 0.0, 1.0]])


def find_objects(
    image: Image, camera: Camera, objects: Mapping[str, SceneObject]
) -> list[Detection]:
    """Return every object of a known colour in the camera's search area.

    A blob counts where its area fits an object of its colour; half-hidden ones do not.
    """
    pinhole = Pinhole(camera)
    smooth = cv2.GaussianBlur(image, (5, 5), 0)
    kinds = {thing.color: thing for thing in objects.values()}
    return [
        detection
        for color, thing in kinds.items()
        for detection in _blobs(smooth, color, thing, camera, pinhole)
    ]


def _blobs(
    image: Image, color: str, thing: SceneObject, camera: Camera, pinhole: Pinhole
) -> list[Detection]:
    height = thing.size[2] / 2
    mask = _colored(image, color) & _searched(image, camera, pinhole, height)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour in contours:
        area = float(cv2.contourArea(contour))
        pixels = _pixels_inside(contour, mask)
        if not len(pixels):
            continue
        x, y, _ = pinhole.on_plane(pixels, height).mean(axis=0).tolist()
        expected = pinhole.area(thing.size[0], (x, y, thing.size[2]))
        if SMALLEST * expected < area < LARGEST * expected:
            yaw = _yaw(contour, pinhole, thing.size[2])
            found.append(Detection(color, (x, y, height), yaw))
    return found


def _colored(image: Image, color: str) -> Image:
    """Return 255 where a colour's channels outshine the others."""
    channels = image.astype(np.int16)
    mine = channels[:, :, list(BGR[color])].min(axis=2)
    others = [index for index in range(3) if index not in BGR[color]]
    rest = channels[:, :, others].max(axis=2)
    hits = (mine > DOMINANT * rest) & (mine > BRIGHT)
    mask: Image = hits.astype(np.uint8) * 255
    return mask


def _searched(image: Image, camera: Camera, pinhole: Pinhole, height: float) -> Image:
    """Return 255 where the ray meets the search area."""
    x_min, x_max, y_min, y_max = camera.search
    corners = [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)]
    outline = pinhole.pixels(np.array([(x, y, height) for x, y in corners]))
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 255)
    return mask


def _pixels_inside(contour: Any, mask: Image) -> NDArray[np.float64]:
    filled = np.zeros_like(mask)
    cv2.drawContours(filled, [contour], -1, 255, cv2.FILLED)
    rows, columns = np.nonzero(filled & mask)
    return np.column_stack([columns, rows]).astype(float)


def _yaw(contour: Any, pinhole: Pinhole, height: float) -> float:
    """Return the direction of the smallest rectangle's edge, within a quarter turn."""
    corners = cv2.boxPoints(cv2.minAreaRect(contour)).astype(float)
    edges = np.diff(pinhole.on_plane(corners, height)[:, :2], axis=0)
    longest = edges[int(np.argmax(np.linalg.norm(edges, axis=1)))]
    angle = math.atan2(longest[1], longest[0])
    return math.remainder(angle, math.pi / 2)


def resized(image: Image, size: tuple[int, int]) -> Image:
    """Return an image scaled to ``size`` (width, height) [px]; smaller by areas, else bilinear."""
    smaller = size[0] < image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    scaled: Image = cv2.resize(image, size, interpolation=how).astype(np.uint8, copy=False)
    return scaled


def planes(image: Image) -> list[Image]:
    """Return the channels (height, width) of an image by themselves."""
    return list(cv2.split(image))


def suppressed(
    boxes: NDArray[Any], scores: NDArray[Any], kinds: NDArray[Any], overlap: float
) -> list[int]:
    """Return which boxes, corners (n, 4), stay, best first.

    None overlaps a better one of its kind too much: by the area in both over that in any.
    """
    sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).tolist()
    kept = cv2.dnn.NMSBoxesBatched(sized, scores.tolist(), kinds.tolist(), 0.0, overlap)
    return [int(one) for one in kept]


def quarter_turn(image: Image, box: tuple[float, float, float, float]) -> float | None:
    """Return the direction of a square thing's edges in a box [rad], modulo a quarter turn.

    Gradients across all four edges agree once their angle is multiplied by four; noise does not.
    None where the box shows no edge.
    """
    left, top = (max(0, math.floor(edge) - 2) for edge in box[:2])
    right, bottom = (math.ceil(edge) + 2 for edge in box[2:])
    patch = cv2.GaussianBlur(image[top:bottom, left:right], (3, 3), 0).astype(np.float32)
    if min(patch.shape[:2]) < 5:
        return None
    across, down = (cv2.Scharr(patch, cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))
    squared = ((across + 1j * down)[1:-1, 1:-1]) ** 2
    total = complex((squared * squared / np.maximum(np.abs(squared), 1e-6)).sum())
    return None if total == 0 else math.atan2(total.imag, total.real) / 4


def islands(mask: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Return the rows and columns (n, 2) of each connected part of a mask, corners included."""
    count, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return [np.argwhere(numbers == number) for number in range(1, count)]


def encode(image: Image, form: str, max_width: int = 0) -> tuple[bytes, int, int]:
    """Return an image as jpeg or png, scaled down to ``max_width`` [px]; 0 keeps its size.

    Returns:
        The bytes, and the width and height [px] of what they hold.

    Raises:
        InvalidValue: no such format, or a negative width.
    """
    form = form or "jpeg"
    if form not in FORMATS or max_width < 0:
        raise InvalidValue(
            "A frame comes as jpeg or png, with a width of 0 (as captured) or more.",
            field="format" if form not in FORMATS else "max_width",
            value=form if form not in FORMATS else max_width,
            choices=FORMATS,
        )
    height, width = image.shape[:2]
    if 0 < max_width < width:
        size = (max_width, max(1, round(height * max_width / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    quality = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY) if form == "jpeg" else ()
    _, data = cv2.imencode(FORMATS[form], image, quality)
    return data.tobytes(), image.shape[1], image.shape[0]


def decode(data: bytes) -> Image:
    """Return the image of encoded bytes.

    Raises:
        InvalidValue: they hold no picture.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InvalidValue("These bytes hold no picture.", field="image")
    decoded: Image = image.astype(np.uint8, copy=False)
    return decoded


class Film:
    """Writes frames to a video file (MPEG-4 part 2 in .mp4). Use as a context manager."""

    def __init__(self, path: Path, rate: float, size: tuple[int, int]) -> None:
        """Open the file; ``rate`` in frames a second, ``size`` (width, height) in px."""
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), codec, rate, size)
        if not self._writer.isOpened():
            raise HandrailError(f"The video {path} cannot be written.")

    def add(self, image: Image) -> None:
        """Append one frame."""
        self._writer.write(image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.release()


def written(image: Image, text: str) -> Image:
    """Return the image with text across it, a line a sentence."""
    marked = image.copy()
    for number, line in enumerate(text.split(". ")):
        place = 10, 30 + 24 * number
        cv2.putText(marked, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    return marked


def save(path: Path, image: Image) -> None:
    """Write an image file; its name's ending says the format."""
    if not cv2.imwrite(str(path), image):
        raise HandrailError(f"The picture {path} cannot be written.")


def _matrix(quaternion: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Return the rotation matrix of a unit quaternion (w x y z)."""
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
