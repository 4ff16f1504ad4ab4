"""What the documentation names is there, and what it quotes is so."""

from __future__ import annotations

import functools
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import typer
from handrail_bridge.cli.main import app

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PACKAGES = ("bridge", "sim", "drivers")
FOLDERS = (*PACKAGES, "tests", "firmware", "protos", "docs")
ANOTHERS = re.compile(r"handrail_lab_pump/")  # the package that driver-in-an-hour.md makes
BODY = re.MULTILINE | re.DOTALL
NUMBER = re.compile(r"\d+(?:\.\d+)?")

MAIN = typer.main.get_command(app)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


FILES = [str(file).removesuffix(".in") for folder in FOLDERS for file in (ROOT / folder).rglob("*")]


def quoted(page: Path) -> list[str]:
    """What stands between backticks, without blocks of code."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def is_path(word: str) -> bool:
    begins = word.partition("/")[0] in FOLDERS and "/" in word
    return begins or re.fullmatch(r"[\w/*]+\.(py|c|h|onnx)", word) is not None


def exists(path: str) -> bool:
    pattern = f"*/{path.rstrip('/')}"
    return any(fnmatch(file, pattern) for file in FILES)


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS], ids=lambda page: page.stem)
def test_every_path_exists(page: Path) -> None:
    paths = [word for word in quoted(page) if is_path(word) and not ANOTHERS.match(word)]
    paths += re.findall(r"docs/decisions/\d{4}", page.read_text())
    assert [path for path in paths if not exists(path) and not exists(f"{path}-*")] == []


@pages
def test_every_method_exists(page: Path) -> None:
    for word in quoted(page):
        if named := re.fullmatch(r"([A-Z]\w+)\.(\w+)", word):
            bodies = re.findall(rf"^class {named[1]}\b.*?(?=^\S|\Z)", sources(), BODY)
            assert any(re.search(rf"^    (async )?def {named[2]}\(", b, BODY) for b in bodies), word


@functools.cache
def sources() -> str:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return "\n".join(file.read_text() for file in files)


@pages
def test_every_command_exists(page: Path) -> None:
    for line in re.findall(r"(?:^|[`&] ?)handrail ([a-z][a-z -]*)", page.read_text(), re.MULTILINE):
        group, *rest = line.split()
        command = getattr(MAIN, "commands", {}).get(group)
        assert command is not None, f"handrail {line}"
        below = getattr(command, "commands", None)
        assert not (below and rest) or rest[0] in below, f"handrail {line}"


def test_the_readme_quotes_the_tables() -> None:
    sections = by_anchor((ROOT / "docs" / "figures.md").read_text())
    rows = [line for line in README.read_text().splitlines() if "(docs/figures.md#" in line]
    assert len(rows) >= 10
    for row in rows:
        _, figure, measured, _, outcome, _ = (cell.strip() for cell in row.split("|"))
        section = sections[re.findall(r"figures\.md#([\w-]+)", figure)[0]]
        wanted = set(NUMBER.findall(measured))
        lines = [line for line in section if line.startswith("|")]
        source = [line for line in lines if wanted <= set(NUMBER.findall(line))]
        assert source, f"{row}: no row of docs/figures.md has these numbers"
        outcomes = re.findall(r"\b(held|short)\b", "\n".join(source))
        assert outcome in outcomes, row


def by_anchor(text: str) -> dict[str, list[str]]:
    """The lines below each heading, by the heading's anchor."""
    sections: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            words = re.sub(r"[^\w\s-]", "", line.lstrip("# ").lower())
            sections[words.replace(" ", "-")] = []
        elif sections:
            sections[next(reversed(sections))].append(line)
    return sections


@pytest.mark.parametrize("file", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_has_a_title_and_a_status(file: Path) -> None:
    title, blank, status, *_ = file.read_text().splitlines()
    assert re.fullmatch(rf"# {file.stem[:4].replace('0000', 'NNNN')}: \w.*", title)
    assert (blank, status.split()[:1]) == ("", ["Status:"])
