"""A PDF with a target at true scale: rectangles, and a line that a person can measure.

The file format is PDF 1.4 (ISO 32000-1), written by hand, since nothing else of it is needed.
"""

from __future__ import annotations

from handrail_drivers.errors import InvalidValue

from handrail_bridge.calibration.targets import Cells, Rectangle, dark

POINT = 0.0254 / 72  # m
PAGES = {"a4": (0.210, 0.297), "a3": (0.297, 0.420), "letter": (0.2159, 0.2794)}  # m
MARGIN = 0.010  # m that printers leave white
RULER = 0.100  # m
BELOW = 0.025  # m, for the line and its words


def pdf(cells: Cells, cell: float, title: str, page: str = "a4") -> bytes:
    """Return a page with the dark cells, lying across where they are wider than high.

    Raises:
        InvalidValue: the target does not fit the page.
    """
    rows, columns = cells.shape
    width, height = columns * cell, rows * cell
    paper = sorted(PAGES[page], reverse=width > height)
    room = (paper[0] - 2 * MARGIN, paper[1] - 2 * MARGIN - BELOW)
    if width > room[0] or height > room[1]:
        raise InvalidValue(
            f"A target of {width * 1e3:.0f} x {height * 1e3:.0f} mm does not fit {page}.",
            field="page",
            value=page,
            limit=f"{room[0] * 1e3:.0f} x {room[1] * 1e3:.0f} mm",
            choices=PAGES,
            hint="take smaller squares, fewer of them, or a larger page",
        )
    left, top = (paper[0] - width) / 2, paper[1] - MARGIN - (room[1] - height) / 2
    drawn = [_filled(left, top, one) for one in dark(cells, cell)]
    drawn += _ruler((paper[0] - RULER) / 2, MARGIN, title)
    return _document((paper[0], paper[1]), "\n".join(drawn).encode("ascii"))


def _filled(left: float, top: float, one: Rectangle) -> str:
    x, y, wide, high = one
    edges = (left + x, top - y - high, wide, high)  # from the lower left
    return " ".join(f"{edge / POINT:.4f}" for edge in edges) + " re f"


def _ruler(left: float, low: float, title: str) -> list[str]:
    x, y, end = left / POINT, (low + 0.008) / POINT, (left + RULER) / POINT
    text = f"{title}. This line is {RULER * 1e3:.0f} mm long: if yours is not, print at 100 %."
    plain = text.encode("ascii", "replace").decode().replace("\\", "").translate({40: 91, 41: 93})
    marks = [f"{at:.4f} {y - 6:.4f} m {at:.4f} {y + 6:.4f} l S" for at in (x, end)]
    line = f"0.5 w {x:.4f} {y:.4f} m {end:.4f} {y:.4f} l S"
    return [line, *marks, f"BT /F 8 Tf {x:.4f} {y - 16:.4f} Td ({plain}) Tj ET"]


def _document(paper: tuple[float, float], content: bytes) -> bytes:
    box = " ".join(f"{edge / POINT:.4f}" for edge in paper)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box}] /Contents 4 0 R "
        "/Resources << /Font << /F 5 0 R >> >> >>".encode("ascii"),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return (
        written
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n" % (count, len(written))
        + b"%%EOF\n"
    )
