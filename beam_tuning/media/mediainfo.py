"""libmediainfo, fed with the bytes that are at hand; it opens nothing itself.

The only file that imports pymediainfo. It runs in a child process (`isolate.py`): the library is native code that has
been seen to seek for ever in damaged files, and to crash. https://mediaarea.net/en/MediaInfo/Support/SDK/Buffers
describes the interface: feed bytes, be told which byte is wanted next, read single values.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import msgspec
import pymediainfo

from beam_tuning.media.native_messages import MediaInfoReading, MediaInfoRequest, NativeStream, Segment

#: A first feed above this makes every parser of the library look at it again and again.
_FEED_BYTES = 16 << 10
#: Feeds for each held block before the library is taken to go in circles.
_FEEDS_PER_BLOCK = 4

#: MediaInfo's stream_t.
_GENERAL, _VIDEO, _AUDIO, _IMAGE = 0, 1, 2, 5
#: MediaInfo's info_t: the value itself.
_TEXT, _NAME = 1, 0
#: Bit of the answer to a feed: nothing more is needed.
_FINISHED = 8
_NO_SEEK = 2**64 - 1
#: In place of a stream's number: count them all.
_ALL = ctypes.c_size_t(-1).value
_MAX_STREAMS = 16


def read_segments(request: MediaInfoRequest) -> MediaInfoReading:
    """Feeds the library, following its wishes as long as the segments hold them.

    Where it seeks what is not held and `may_seek`, the answer is that place. Else the library has to do with what it
    got. That is when it crashed (24.12, on half an MXF file), so it comes last.
    """
    segments, size_bytes = request.segments, request.size_bytes
    library = _library()
    handle = library.MediaInfo_New()
    try:
        library.MediaInfo_Open_Buffer_Init(handle, size_bytes, 0)
        wanted = _feed(library, handle, segments, size_bytes)
        reads_on = any(wanted == segment.start + len(segment.data) for segment in segments)
        if wanted is not None and request.may_seek and not reads_on:
            return MediaInfoReading(wanted=wanted)
        library.MediaInfo_Open_Buffer_Finalize(handle)
        return _reading(library, handle)
    finally:
        library.MediaInfo_Close(handle)
        library.MediaInfo_Delete(handle)


def answer(request: bytes) -> bytes:
    """`read_segments` for a child process: both ends are MessagePack."""
    return msgspec.msgpack.encode(read_segments(msgspec.msgpack.decode(request, type=MediaInfoRequest)))


_loaded: Any = None


def _library() -> Any:
    global _loaded
    if _loaded is None:
        # pymediainfo knows where its wheel keeps the library, but reads whole files only.
        library, handle, _, _ = pymediainfo.MediaInfo._get_library()
        library.MediaInfo_Get.argtypes = [
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.c_size_t,
            ctypes.c_wchar_p,
            ctypes.c_int,
            ctypes.c_int,
        ]
        library.MediaInfo_Get.restype = ctypes.c_wchar_p
        library.MediaInfo_Count_Get.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
        library.MediaInfo_Count_Get.restype = ctypes.c_size_t
        library.MediaInfo_Option(handle, "CharSet", "UTF-8")
        library.MediaInfo_Option(handle, "ParseSpeed", "0")
        _loaded = library
    return _loaded


def _feed(library: Any, handle: int, segments: Sequence[Segment], size_bytes: int) -> int | None:
    """The byte that was wanted last and is not held; None when the library had all it wanted."""
    position = 0
    feeds = 8 + _FEEDS_PER_BLOCK * sum(len(segment.data) // _FEED_BYTES + 1 for segment in segments)
    for _ in range(feeds):
        data = b""
        for segment in segments:
            at = position - segment.start
            if 0 <= at < len(segment.data):
                data = segment.data[at : at + _FEED_BYTES]
                break
        if not data:
            return position
        if library.MediaInfo_Open_Buffer_Continue(handle, data, len(data)) & _FINISHED:
            return None
        sought = library.MediaInfo_Open_Buffer_Continue_GoTo_Get(handle)
        if sought == _NO_SEEK:
            position += len(data)
        elif sought < size_bytes:
            position = sought
            library.MediaInfo_Open_Buffer_Init(handle, size_bytes, position)
        else:
            return None
        if position >= size_bytes:
            return None
    return position


def _reading(library: Any, handle: int) -> MediaInfoReading:
    def value(kind: int, number: int, name: str) -> str | None:
        return library.MediaInfo_Get(handle, kind, number, name, _TEXT, _NAME) or None

    streams = tuple(
        NativeStream(
            kind=name,
            format=value(kind, number, "Format"),
            profile=value(kind, number, "Format_Profile"),
            width_px=_whole(value(kind, number, "Width")),
            height_px=_whole(value(kind, number, "Height")),
            sample_rate_hz=_whole(value(kind, number, "SamplingRate")),
            channels=_whole(value(kind, number, "Channel(s)")),
            fps=_number(value(kind, number, "FrameRate")),
        )
        for kind, name in ((_VIDEO, "video"), (_AUDIO, "audio"), (_IMAGE, "image"))
        for number in range(min(library.MediaInfo_Count_Get(handle, kind, _ALL), _MAX_STREAMS))
    )
    duration_ms = _number(value(_GENERAL, 0, "Duration"))
    return MediaInfoReading(
        format=value(_GENERAL, 0, "Format"),
        duration_s=duration_ms / 1000 if duration_ms is not None else None,
        is_truncated=value(_GENERAL, 0, "IsTruncated") == "Yes",
        streams=streams,
    )


def _number(value: str | None) -> float | None:
    """The first of the values that the library lists; None when it is no positive number."""
    try:
        number = float((value or "").split("/")[0])
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _whole(value: str | None) -> int | None:
    number = _number(value)
    return round(number) if number is not None else None


if __name__ == "__main__":
    from beam_tuning.media.isolate import serve

    serve(answer)
