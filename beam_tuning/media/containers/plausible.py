"""What no object can be, whatever its header claims. One place for all containers: every answer passes here."""

from __future__ import annotations

import msgspec

from beam_tuning.media.containers.lengths import MAX_DURATION_S
from beam_tuning.media.info import MediaInfo, ProbeFailure

#: Silence in the sparsest of codecs takes more (FLAC of 8 kHz in its longest blocks: 1.7 bytes a second).
_MIN_BYTES_PER_S = 1.0


def without_absurd_lengths(media: MediaInfo | ProbeFailure, size_bytes: int) -> MediaInfo | ProbeFailure:
    """`media` without the lengths that an object of `size_bytes` cannot have: they are unknown then."""
    if isinstance(media, ProbeFailure):
        return media
    longest_s = min(MAX_DURATION_S, size_bytes / _MIN_BYTES_PER_S)
    streams = tuple(
        msgspec.structs.replace(stream, duration_s=None) if (stream.duration_s or 0) > longest_s else stream
        for stream in media.streams
    )
    if (media.duration_s or 0) <= longest_s:
        return media if streams == media.streams else msgspec.structs.replace(media, streams=streams)
    unknown = f"{media.duration_s:.6g} s cannot be true of an object of {size_bytes} bytes"
    return msgspec.structs.replace(media, streams=streams, duration_s=None, duration_unknown=unknown)
