"""What the steps in this process have done so far, for a progress display.

Beam's own metrics reach a launcher only between stages of an in-process run. On a remote runner these counts stay in
the workers, and the launcher reads Beam's metrics.
"""

from __future__ import annotations

import threading

#: Of this project's Beam metrics.
NAMESPACE = "beam_tuning"


class Progress:
    """Counts that only grow; safe to add to and read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = {"examples_judged": 0, "media_probed": 0, "received_bytes": 0}

    def add(self, *, examples_judged: int = 0, media_probed: int = 0, received_bytes: int = 0) -> None:
        with self._lock:
            self._counts["examples_judged"] += examples_judged
            self._counts["media_probed"] += media_probed
            self._counts["received_bytes"] += received_bytes

    def read(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)

    def reset(self) -> None:
        with self._lock:
            self._counts = dict.fromkeys(self._counts, 0)


PROGRESS = Progress()
