"""``handrail calibrate``: a lens from a printed board, a camera's place from a tag on the arm."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from handrail_drivers.errors import InvalidRequest, Refused
from handrail_sim.cell_file import load_cell

from handrail_bridge.cli import reach
from handrail_bridge.cli.output import Json, console, emit, escape, problems
from handrail_bridge.parsing import require_name

if TYPE_CHECKING:
    from handrail_sim.cell import Cell

    from handrail_bridge.calibration.seeing import View
    from handrail_bridge.vision.imaging import Image

PATIENCE = 300.0  # s that a person may take to show a board

calibrate = typer.Typer(
    no_args_is_help=True, help="A lens from a printed board; a camera's place from a tag."
)

CellName = Annotated[str, typer.Argument(metavar="CELL", help="a TOML file, or `desk`")]
CameraName = Annotated[str, typer.Argument(metavar="CAMERA", help="as the cell names it")]
Columns = Annotated[int, typer.Option(min=3, max=20, help="squares across the board")]
Rows = Annotated[int, typer.Option(min=3, max=20, help="squares down the board")]
Square = Annotated[float, typer.Option(min=0.005, max=0.2, help="edge of a square [m]")]
Size = Annotated[float, typer.Option(min=0.01, max=0.5, help="edge of the tag's dark rim [m]")]
Number = Annotated[int, typer.Option(min=0, max=49, help="which tag")]
Page = Annotated[str, typer.Option(help="a4, a3, letter")]
Out = Annotated[
    Path | None, typer.Option(help="the part of the cell file goes there; none: CELL_CAMERA_...")
]


@calibrate.command("board")
def board(
    out: Annotated[Path, typer.Argument(metavar="FILE.pdf")],
    columns: Columns = 7,
    rows: Rows = 5,
    square: Square = 0.03,
    page: Page = "a4",
) -> None:
    """Write the board for `calibrate camera` as a PDF to be printed at true scale."""
    from handrail_bridge.calibration.targets import Board

    title = f"ChArUco board, {columns} x {rows} squares of {square * 1e3:g} mm"
    _print(Board(columns, rows, square), title, page, out)


@calibrate.command("tag")
def tag(
    out: Annotated[Path, typer.Argument(metavar="FILE.pdf")],
    size: Size = 0.06,
    number: Number = 0,
    page: Page = "a4",
) -> None:
    """Write the tag for `calibrate hand-eye` as a PDF to be printed at true scale."""
    from handrail_bridge.calibration.targets import Tag

    _print(Tag(size, number), f"tag {number}, {size * 1e3:g} mm", page, out)


@calibrate.command("camera")
def camera(
    cell: CellName,
    camera: CameraName,
    pictures: Annotated[
        Path | None, typer.Option(help="a folder of pictures; none: the running bridge's camera")
    ] = None,
    count: Annotated[int, typer.Option(min=8, max=100, help="of pictures, from a bridge")] = 20,
    columns: Columns = 7,
    rows: Rows = 5,
    square: Square = 0.03,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Find what a camera's lens does, from pictures of the board in all corners and tilts."""
    from handrail_bridge.calibration import seeing
    from handrail_bridge.calibration.collecting import require_enough
    from handrail_bridge.calibration.results import lens_part
    from handrail_bridge.calibration.shots import require_size, views_of
    from handrail_bridge.calibration.targets import Board

    loaded, target = _of(cell, camera), Board(columns, rows, square)
    file = _writable(out or Path(f"{loaded.name}_{camera}_lens.toml"))
    if pictures is None:
        views, image = asyncio.run(_shown(loaded, camera, target, count))
    else:
        found = views_of(pictures, target)
        views, image = [view for _, _, view in found if view is not None], found[-1][1]
        require_size(image, loaded.cameras[camera], "pictures")
    size = (image.shape[1], image.shape[0])
    require_enough(views, size)
    fit = seeing.fitted(views, size)
    drawn = seeing.drawn(image, [view.pixels for view in views], fit.off)
    part = lens_part(camera, fit)
    files = _keep(file, part, drawn)
    result = {"pictures": len(views), "error_px": fit.error, "lens": fit.lens.model_dump()}
    emit({**result, **files}, as_json, lambda _: _tell(part, files))


@calibrate.command("hand-eye")
def hand_eye(
    cell: CellName,
    camera: CameraName,
    shots: Annotated[Path, typer.Option(help="folder of pictures with the joints beside them")],
    record: Annotated[
        bool, typer.Option("--record", help="take them now from the running bridge")
    ] = False,
    on_arm: Annotated[
        bool, typer.Option("--on-arm", help="the camera is on the arm, the tag in the cell")
    ] = False,
    size: Size = 0.06,
    number: Number = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Find where a camera hangs, from pictures of a tag that the arm shows in many poses."""
    from handrail_bridge.calibration import hand_eye as solving
    from handrail_bridge.calibration import seeing
    from handrail_bridge.calibration.results import place, place_part
    from handrail_bridge.calibration.shots import Tcp, load, require_size
    from handrail_bridge.calibration.targets import Tag
    from handrail_bridge.vision.pinhole import plain_lens

    loaded = _of(cell, camera)
    file = _writable(out or Path(f"{loaded.name}_{camera}_place.toml"))
    if record:
        asyncio.run(_recorded(loaded, camera, shots))
    taken, image = load(shots, Tag(size, number), Tcp(loaded))
    model = loaded.cameras[camera]
    require_size(image, model, "shots")
    found = solving.hand_eye(taken, model.lens or plain_lens(model), on_arm)
    drawn = seeing.drawn(image, [shot.view.pixels for shot in taken], found.off)
    part = place_part(camera, found, on_arm)
    files = _keep(file, part, drawn)
    position, quaternion = place(found.camera)
    result = {
        "pictures": len(taken),
        "error_px": found.error,
        "position": position,
        "quaternion": quaternion,
        "spread_rad": found.spread[0],
        "spread_m": found.spread[1],
    }
    emit({**result, **files}, as_json, lambda _: _tell(part, files))


def _print(target: Any, title: str, page: str, out: Path) -> None:
    from handrail_bridge.calibration import seeing
    from handrail_bridge.calibration.sheet import PAGES, pdf

    require_name("page", page, PAGES, "page")
    out.write_bytes(pdf(seeing.cells(target), target.cell, title, page))
    console.print(f"[green]{escape(str(out))}[/]: {escape(title)}; print it at 100 %, on a plane")


def _of(name: str, camera: str) -> Cell:
    cell = load_cell(name)
    require_name("camera", camera, cell.cameras, "camera")
    return cell


async def _shown(cell: Cell, camera: str, target: Any, count: int) -> tuple[list[View], Image]:
    """Watch the running bridge's camera until the board was shown often enough."""
    from handrail_bridge.calibration import seeing
    from handrail_bridge.calibration.collecting import Collector
    from handrail_bridge.calibration.shots import require_size
    from handrail_bridge.vision import imaging

    model = cell.cameras[camera]
    chosen = Collector((model.width, model.height))
    problems.print(f"Hold the board still in {count} places: tilted, near, in every corner.")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE), reach.agent(cell.name) as rail:
            async for frame in rail.frames(camera, "png"):
                image = imaging.decode(frame.image)
                require_size(image, model, "camera")
                if chosen.take(seeing.seen(target, image)):
                    problems.print(f"  {len(chosen.views)} of {count}")
                if len(chosen.views) >= count:
                    return chosen.views, image
    raise Refused(
        f"The board was shown in {len(chosen.views)} of {count} places within {PATIENCE:g} s.",
        hint="ask for fewer: --count",
    )


async def _recorded(cell: Cell, camera: str, folder: Path) -> None:
    """Take a picture at each Enter until a person says that it is enough."""
    from handrail_bridge.calibration.shots import take

    problems.print("Bring the arm to a pose in which the camera sees the tag; then Enter. q: done.")
    async with reach.agent(cell.name) as rail:
        while (await asyncio.to_thread(input)).strip() != "q":
            try:
                problems.print(f"  {escape(str(await take(rail, camera, folder)))}")
            except Refused as refused:  # those before are kept, and the next may stand
                problems.print(f"  {escape(str(refused))}")


def _writable(out: Path) -> Path:
    """Return it, or refuse it before a person has worked for it."""
    if not os.access(out.parent, os.W_OK):
        raise InvalidRequest(
            f"Nothing can be written into {out.parent}.", field="out", hint="make the folder first"
        )
    return out


def _keep(out: Path, part: str, drawn: Image) -> dict[str, str]:
    from handrail_bridge.vision import imaging

    picture = out.with_suffix(".png")
    out.write_text(part, encoding="utf-8")
    imaging.save(picture, drawn)
    return {"part": str(out), "picture": str(picture)}


def _tell(part: str, files: dict[str, str]) -> None:
    console.print(escape(part))
    console.print(f"[green]{escape(files['part'])}[/] has this; {escape(files['picture'])} shows")
    console.print("the errors. Put it into the cell file, and `handrail cell validate` it.")
