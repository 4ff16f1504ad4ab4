"""Follows finds from picture to picture: the same thing keeps its number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from handrail_drivers.decoder import Find
from handrail_sim.sight import Track as TrackSettings


@dataclass(slots=True)
class Track:
    """One thing that was seen: how often in a row, and when last [ns]."""

    number: int
    find: Find
    hits: int
    time_ns: int


class Tracker:
    """Gives every find a track. Finds of one label are matched to the nearest track."""

    def __init__(self, settings: TrackSettings) -> None:
        self._reach = settings.reach
        self._linger_ns = int(settings.linger * 1e9)
        self._next = 1
        self.tracks: list[Track] = []

    def follow(self, finds: list[Find], time_ns: int) -> list[Track]:
        """Take a picture's finds; return their tracks, in the same order.

        A track that is not found again stays in ``tracks`` until it has lingered long enough.
        """
        free = [track for track in self.tracks if time_ns - track.time_ns <= self._linger_ns]
        followed: list[Track] = []
        for find in finds:
            track = self._nearest(find, free)
            if track is None:
                track = Track(self._next, find, 0, time_ns)
                self._next += 1
            else:
                free.remove(track)
            track.find, track.hits, track.time_ns = find, track.hits + 1, time_ns
            followed.append(track)
        self.tracks = followed + free
        return followed

    def _nearest(self, find: Find, tracks: list[Track]) -> Track | None:
        same = [track for track in tracks if track.find.label == find.label]
        best = min(same, key=lambda track: _apart(find, track.find), default=None)
        if best is None or _apart(find, best.find) > self._reach * _size(best.find):
            return None
        return best


def _apart(one: Find, other: Find) -> float:
    return math.dist(_center(one), _center(other))


def _center(find: Find) -> tuple[float, float]:
    left, top, right, bottom = find.box
    return (left + right) / 2, (top + bottom) / 2


def _size(find: Find) -> float:
    left, top, right, bottom = find.box
    return max(right - left, bottom - top, 1.0)
