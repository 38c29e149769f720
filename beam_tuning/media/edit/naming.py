"""The name of a file that is made of another: the same for the same source and the same edit, and for nothing else."""

from __future__ import annotations

import hashlib

import msgspec

from beam_tuning.media.edit.wanted import SECOND_NS, Wanted, WantedPieces

#: Part of every name; grows when the same `Wanted` comes to mean other bytes.
_EDITION = 1
_HASH_BYTES = 10


def name_of(identity: str, wanted: Wanted | WantedPieces, suffix: str) -> str:
    """The name, without a folder.

    Args:
      identity: what tells the very bytes of the source from all others, e.g. its URI and generation or checksum.
      suffix: the container of a `Made`, or `json` for a note on it.
    """
    told = msgspec.json.encode((_EDITION, identity, wanted))
    digest = hashlib.blake2b(told, digest_size=_HASH_BYTES).hexdigest()
    if isinstance(wanted, WantedPieces):
        return f"{digest}-pieces.{suffix}"
    stop = "end" if wanted.stop_ns is None else _seconds(wanted.stop_ns)
    size = "" if wanted.max_bytes is None else f"-{wanted.max_bytes}b"
    return f"{digest}-{wanted.kind.value}-{_seconds(wanted.start_ns)}-{stop}{size}.{suffix}"


def _seconds(time_ns: int) -> str:
    whole, rest = divmod(time_ns, SECOND_NS)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{whole}{fraction}s"
