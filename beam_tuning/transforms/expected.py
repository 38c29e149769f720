"""How much there will be to probe and to judge, counted while the dataset is scanned: totals for the progress display.

In process the scan ends before the first probe begins. Elsewhere nobody reads these counts, and none are made.
"""

from __future__ import annotations

import threading
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping

from beam_tuning.transforms.progress import PROGRESS, Counter

EXAMPLES_SCANNED = Counter("examples scanned", ())
MEDIA_PROBED = Counter("media probed", ("probes_",), has_rate=True)
EXAMPLES_JUDGED = Counter("examples judged", ("examples_",))


class _Expected:
    """Distinct URIs are told by their hashes, 8 bytes for each pack that names one, bucket by bucket.

    Two URIs of one bucket with the same hash of 64 bits would count as one: among a million, once in 37 million runs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start()

    def _start(self) -> None:
        self._run = PROGRESS.runs
        self._hashes: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))
        self._examples = 0

    def add(self, uris_of_bucket: Mapping[int, Iterable[str]], examples: int) -> None:
        """What one pack names, each URI once, and its lines that are not blank."""
        if not PROGRESS.is_shown:
            return
        PROGRESS.add(EXAMPLES_SCANNED, examples)
        with self._lock:
            if self._run != PROGRESS.runs:  # an earlier run was stopped while it scanned
                self._start()
            self._examples += examples
            for bucket, uris in uris_of_bucket.items():
                self._hashes[bucket].extend(map(hash, uris))

    def tell(self) -> None:
        """Tells the totals, when the scan is over; whoever comes after it calls this, once or often."""
        if not self._examples:
            return
        with self._lock:
            hashes, examples, is_of_this_run = self._hashes, self._examples, self._run == PROGRESS.runs
            self._start()
        if examples and is_of_this_run:
            PROGRESS.expect(EXAMPLES_SCANNED, examples)
            PROGRESS.expect(EXAMPLES_JUDGED, examples)
            PROGRESS.expect(MEDIA_PROBED, sum(len(set(some)) for some in hashes.values()))


EXPECTED = _Expected()
