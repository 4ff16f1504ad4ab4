"""Values of ours as plain JSON values: for the command line and for agents."""

from __future__ import annotations

import math
from typing import Any

import pydantic_core

from handrail_bridge.loop.state import Mode


def plain(value: Any) -> Any:
    """Return JSON values; what JSON has no number for becomes null, modes of ours their names."""
    if isinstance(value, Mode):
        return value.name.lower()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return pydantic_core.to_jsonable_python(value, fallback=str)
