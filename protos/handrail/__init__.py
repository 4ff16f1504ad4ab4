"""Handrail: the rail between an agent's hands and the real world.

``handrail.Client`` is the async client; ``handrail.v1`` is the generated gRPC API.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail_bridge.client import Client as Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    """Load the client on first use, so that drivers can import ``handrail.v1`` alone."""
    if name == "Client":
        from handrail_bridge.client import Client

        return Client
    raise AttributeError(f"module 'handrail' has no attribute {name!r}")
