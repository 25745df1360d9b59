"""Scores: points of each source over a window; at the threshold it is shut out."""

from __future__ import annotations

from collections import OrderedDict, deque

THRESHOLD = 100
MAXIMUM_SOURCES = 8192
MAXIMUM_SIGHTINGS = THRESHOLD


class Scores:
    """Points by source. The number of sources is bounded; the one that was seen longest ago is forgotten first."""

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._points: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._points)

    def add(self, source: str, points: int, now: float) -> bool:
        """Given points of a source, return whether it has reached the threshold; if so, its points are used up."""
        seen = self._points.pop(source, None)
        if seen is None:
            seen = deque(maxlen=MAXIMUM_SIGHTINGS)
        seen.append((now, points))
        while seen[0][0] < now - self._window_seconds:
            seen.popleft()
        if sum(each for _, each in seen) >= THRESHOLD:
            return True
        self._points[source] = seen
        if len(self._points) > MAXIMUM_SOURCES:
            self._points.popitem(last=False)
        return False
