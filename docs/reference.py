"""Reference pages, made from docstrings and schemas whenever the documentation is built.

A hook of MkDocs: nothing of it is written into the repository.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from handrail_drivers import (
    api,
    capture,
    emulator,
    errors,
    plugins,
    reflex,
    replay,
    schema,
    text_line,
    transport,
)
from handrail_drivers.conformance import subject
from handrail_sim.cell_file import cell_schema
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel

MODULES = (api, transport, emulator, reflex, schema, text_line, capture, replay, subject)
SECTION = re.compile(r"^(Args|Raises|Returns):$")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "drivers": drivers_page,
        "plugins": plugins_page,
        "cell": cell_page,
        "errors": errors_page,
        "api": api_page,
    }
    for name, page in pages.items():
        text = "\n".join(page()) + "\n"
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    text = "\n".join(decisions_page(files)) + "\n"
    files.append(File.generated(config, "decisions/index.md", content=text))
    return files


def decisions_page(files: Files) -> Iterator[str]:
    """A list of the decisions."""
    yield from ("# Decisions", "", "What was hard to decide, what was decided, and why.", "")
    for file in sorted(files.documentation_pages(), key=lambda file: file.src_uri):
        if file.src_uri.startswith("decisions/0") and not file.src_uri.endswith("0000-template.md"):
            title = file.content_string.splitlines()[0].lstrip("# ")
            yield f"- [{title}]({file.src_uri.removeprefix('decisions/')})"


def drivers_page() -> Iterator[str]:
    """Every driver that is installed: settings and tools."""
    yield from ("# Drivers", "", "Named by `driver` of a device in the cell.", "")
    for name, driver in plugins.drivers.found().items():
        verified = "" if driver.verified_on_hardware else " Nobody has run it on hardware yet."
        yield from (f"## {name}", "", *prose(driver), "")
        yield from (f"Transport: `{driver.transport}`.{verified}", "")
        yield from settings(driver.Settings)
        tools = schema.tool_schemas(driver)
        if not tools:
            yield from ("Its tools come from its settings, or from the bridge.", "")
        for tool in tools:
            yield from (f"### {name}: {tool.name}", "", f"Effect: `{tool.effect}`.", "")
            yield from (*markdown(tool.description), "")
            yield from table(tool.input_schema, "argument")
            yield from table(tool.output_schema, "result")


def plugins_page() -> Iterator[str]:
    """Every other plugin that is installed."""
    yield "# Other plugins"
    for kind in plugins.KINDS[1:]:
        yield from ("", f"## {kind.kind.capitalize()}s", "", f"Group `{kind.group}`.", "")
        for name, plugin in kind.found().items():
            yield from (f"### {kind.kind}: {name}", "", *prose(plugin), "")
            model = getattr(plugin, "Settings", None)
            if isinstance(model, type) and issubclass(model, BaseModel):
                yield from settings(model)


def cell_page() -> Iterator[str]:
    """Every section of a cell file."""
    found = cell_schema()
    yield from (
        "# The cell file",
        "",
        "SI units. `handrail cell schema` prints this for editors.",
        "",
    )
    found["required"] = found["anyOf"][1]["required"]  # of a cell without a base
    yield from ("## Top level", "", *table(found, "key"))
    for name, part in sorted(found["$defs"].items()):
        if "." not in name and "properties" in part:  # the rest are plugins' settings
            yield from (f"## {name}", "", *markdown(part.get("description", "")), "")
            yield from table(part, "key")


def errors_page() -> Iterator[str]:
    """Every error with its code and its gRPC status."""
    yield from ("# Errors", "", "```", inspect.cleandoc(errors.__doc__ or ""), "```", "")
    yield from ("| error | code | gRPC status | what happened |", "|---|---|---|---|")
    kinds = [errors.HandrailError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if f"{kind.__module__}.".startswith(f"{errors.__name__}."):
            first = (inspect.getdoc(kind) or "").splitlines()[0]
            yield f"| `{kind.__name__}` | `{kind.code}` | `{kind.status}` | {cell(first)} |"


def api_page() -> Iterator[str]:
    """What authors of plugins build on."""
    version = ".".join(map(str, api.API_VERSION))
    yield from (
        "# Python API for plugins",
        "",
        f"Version {version}; what that means: [Plugins](../plugins.md#versions).",
        "",
    )
    for module in MODULES:
        yield from (f"## {module.__name__}", "", *prose(module), "")
        for name, part in vars(module).items():
            own = getattr(part, "__module__", None) == module.__name__
            if (
                own
                and not name.startswith("_")
                and (inspect.isclass(part) or inspect.isfunction(part))
            ):
                yield from member(name, part)


def member(name: str, part: Any) -> Iterator[str]:
    """One class or function."""
    yield from (f"### {name}", "")
    if inspect.isfunction(part):
        yield from ("```python", f"{name}{inspect.signature(part)}", "```", "")
    yield from (*prose(part), "")
    if inspect.isclass(part) and issubclass(part, BaseModel):
        yield from settings(part)
    for key, method in vars(part).items() if inspect.isclass(part) else ():
        function = getattr(method, "__func__", method)
        if inspect.isfunction(function) and not key.startswith("_"):
            first = (inspect.getdoc(function) or "").splitlines()[:1]
            signature = str(inspect.signature(function)).replace("'", "")
            yield from (f"- `{key}{signature}`  ", f"  {' '.join(markdown(' '.join(first)))}")
    yield ""


def settings(model: type[BaseModel]) -> Iterator[str]:
    """A model's fields."""
    yield from table(model.model_json_schema(), "setting")


def table(schema: dict[str, Any], title: str) -> Iterator[str]:
    """The properties of a JSON Schema, those of models in them by name."""
    properties = schema.get("properties", {})
    if not properties:
        return
    yield from (f"| {title} | type | default | meaning |", "|---|---|---|---|")
    required = schema.get("required", ())
    for name, part in properties.items():
        default = "required" if name in required else f"`{part.get('default')}`"
        yield f"| `{name}` | {cell(kind(part))} | {cell(default)} | {cell(meaning(part))} |"
    yield ""


def kind(part: dict[str, Any]) -> str:
    """A schema's type in a few words, with its limits and its unit."""
    if "$ref" in part:
        return part["$ref"].rpartition("/")[2]
    if "enum" in part or "const" in part:
        return ", ".join(f"`{one}`" for one in part.get("enum", [part.get("const")]))
    for key in ("anyOf", "oneOf"):
        if key in part:
            return " or ".join(kind(one) for one in part[key])
    limits = [f"{sign} {part[key]:g}" for key, sign in LIMITS.items() if key in part]
    return ", ".join([str(part.get("type", "any")), *limits])


LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def meaning(part: dict[str, Any]) -> str:
    """A schema's description, and its unit."""
    unit = f" [{part['unit']}]" if "unit" in part else ""
    return f"{part.get('description', '')}{unit}".strip()


def cell(text: str) -> str:
    """Text as it may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;").replace("[", "\\[")


def prose(part: Any) -> list[str]:
    """A docstring as Markdown."""
    return markdown(inspect.getdoc(part) or "")


def markdown(text: str) -> list[str]:
    """A docstring's text as Markdown: references as code, its sections as lists."""
    text = re.sub(r":\w+:`~?\.?([\w.]+)`", lambda m: f"`{m[1].rpartition('.')[2]}`", text)
    text = text.replace("``", "`")
    lines: list[str] = []
    listing = False
    for line in text.splitlines():
        if SECTION.match(line):
            listing = True
            lines += ["", f"**{line}**", ""]
        elif listing and line.startswith("    ") and not line.startswith("     "):
            lines.append(f"- {line.strip()}")
        else:
            listing = listing and line.startswith("     ")
            lines.append(f"  {line.strip()}" if listing else line)
    return lines
