"""The settings of a prober."""

from __future__ import annotations

import msgspec


class ProbeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of a prober. Hashable and picklable.

    Attributes:
      allow_local_media: whether plain paths and file:// URIs are read.
      allow_private_addresses: whether http(s):// hosts may have private or loopback addresses. Link-local ones and
        those of metadata services stay closed.
      billing_project: pays for gs:// buckets that charge the reader (requester pays).
      trust_cache: whether the answer of an earlier run is taken without asking the store.
      threads: probes in flight in one process.
      connect_timeout_s: to open a connection to one address, TLS included.
      stall_timeout_s: longest wait for the next bytes of an answer.
      read_timeout_s: for one request, from sending it to its last byte; a read of the whole object may take longer.
      object_timeout_s: for all that one object takes, waiting between attempts included.
      max_attempts: of one read, the first included.
      max_retry_after_s: a server that asks for a longer pause is not asked again in this run.
      outage_patience_s: how long a host that is known to be there may fail before probes of it fail too.
      max_requests: of one object.
      max_received_bytes: of one object, headers and all else that comes over its connections included. The service
        takes files of up to 100 MB; a whole one and its head again fit.
    """

    allow_local_media: bool = False
    allow_private_addresses: bool = False
    billing_project: str | None = None
    trust_cache: bool = False
    threads: int = 32
    connect_timeout_s: float = 5.0
    stall_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    object_timeout_s: float = 120.0
    max_attempts: int = 4
    max_retry_after_s: float = 30.0
    outage_patience_s: float = 60.0
    max_requests: int = 64
    max_received_bytes: int = 128 * 1024 * 1024
