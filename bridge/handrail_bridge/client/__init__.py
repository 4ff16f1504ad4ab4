"""The client's end: what everything of ours that talks to a bridge uses."""

from handrail_bridge.client.client import Client

__all__ = ["Client"]
