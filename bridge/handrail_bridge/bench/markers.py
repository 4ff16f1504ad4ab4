"""Where a page shows what a benchmark measured: between two markers, written again by it."""

from __future__ import annotations

from pathlib import Path

from handrail_drivers.errors import InvalidValue


def replace(page: Path, name: str, markdown: str) -> None:
    """Put markdown between ``<!-- bench NAME -->`` and ``<!-- /bench NAME -->``.

    Raises:
        InvalidValue: the page does not have both markers, once each.
    """
    text = page.read_text()
    begin, end = f"<!-- bench {name} -->", f"<!-- /bench {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise InvalidValue(f"{page} does not have {begin} and {end}, in this order, once each.")
    head, _, rest = text.partition(begin)
    tail = rest.partition(end)[2]
    page.write_text(f"{head}{begin}\n{markdown}\n{end}{tail}")
