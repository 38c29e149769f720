"""From a URI to what the object is: threads, fairness between hosts, and nothing ever raised.

One prober serves a whole process, however many DoFn instances use it: `shared_prober(options)`.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Self

import msgspec

from beam_tuning.media.info import ProbeResult


class ProbeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of a prober. Hashable and picklable.

    Attributes:
      allow_local_media: whether plain paths and file:// URIs are read.
      allow_private_addresses: whether http(s):// hosts may be private, loopback or link-local addresses.
      billing_project: pays for gs:// buckets whose readers pay.
      threads: probes in flight in this process.
    """

    allow_local_media: bool = False
    allow_private_addresses: bool = False
    billing_project: str | None = None
    threads: int = 32


class Prober:
    """Probes objects on its own threads."""

    def __init__(self, options: ProbeOptions) -> None:
        self.options = options

    def submit(self, uri: str, cached: ProbeResult | None = None) -> Future[ProbeResult]:
        """Probes one object. The future never raises: every failure is a `ProbeResult` with a `ProbeFailure`.

        `cached` is the answer of an earlier run; the object is probed again unless one metadata answer says that it
        has not changed.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Ends the threads; probes that wait are cancelled."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def shared_prober(options: ProbeOptions) -> Prober:
    """The prober of this process for these options; made once, never closed."""
    raise NotImplementedError
