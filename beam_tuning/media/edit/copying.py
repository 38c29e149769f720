"""A part of a file without encoding: packets are copied, and begin with a keyframe.

A part may begin with the keyframe before or after the time that is asked for, as far as the tolerance allows. It ends
where no packet that is left out comes before one that is taken, in the order in which pictures are shown: so no picture
lacks what it is made of.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import av

from beam_tuning.media.edit.source import Source, opened
from beam_tuning.media.edit.wanted import SECOND_NS, Made, Wanted

#: Codecs that go into MP4 as they are, and that the service's documents and reports have seen.
_VIDEO_IN_MP4 = frozenset({"h264", "hevc", "mpeg4", "vp9", "av1"})
_AUDIO_IN_MP4 = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"})
#: Where sound alone goes: (container, muxer, MIME type). FLAC is not copied: its header would keep the old length.
SOUND_CONTAINERS = {
    "aac": ("m4a", "mp4", "audio/m4a"),
    "mp3": ("mp3", "mp3", "audio/mp3"),
    "opus": ("ogg", "ogg", "audio/ogg"),
    "vorbis": ("ogg", "ogg", "audio/ogg"),
    "pcm_s16le": ("wav", "wav", "audio/wav"),
    "pcm_s24le": ("wav", "wav", "audio/wav"),
    "pcm_u8": ("wav", "wav", "audio/wav"),
}
#: Sound that lies further behind its pictures in the file than this is not looked for.
_MOST_APART_S = 10
_MP4_OPTIONS = {"movflags": "+faststart"}


class _Packet(NamedTuple):
    """A packet of pictures, with times in ticks.

    Attributes:
      is_hidden: an edit list leaves it out, though others may be decoded from it.
    """

    pts: int
    is_keyframe: bool
    duration: int
    is_hidden: bool


class _Taken(NamedTuple):
    """What is taken of a stream: so many packets from the one with the time `first` on; times are in ticks."""

    first: int
    packets: int
    last_end: int


def copy_pictures(path: str, target: str, wanted: Wanted) -> Made | None:
    """Copies a part with pictures into MP4; None when that is not possible within the tolerances."""
    with opened(path) as source:
        video = source.video
        if video is None or _codec(video) not in _VIDEO_IN_MP4:
            return None
        if any(_codec(stream) not in _AUDIO_IN_MP4 for stream in source.audio):
            return None
        taken = _choose(source, video, wanted)
        if taken is None:
            return None
        _write(source, target, [video, *source.audio], taken, "mp4")
        start_ns = source.time_ns(taken.first, video)
        duration_ns = round((taken.last_end - taken.first) * video.time_base * SECOND_NS)
    return Made("mp4", "video/mp4", start_ns, duration_ns, 0, is_encoded=False, how="copied")


def copy_sound(path: str, target: str, wanted: Wanted) -> Made | None:
    """Copies a part of an audio file into the container of its codec; None when that is not possible."""
    with opened(path) as source:
        if source.video is not None:
            return None
        stream = source.audio[0]
        into = SOUND_CONTAINERS.get(_codec(stream))
        if into is None:
            return None
        container, muxer, mime_type = into
        taken = _choose_sound(source, stream, wanted)
        if taken is None:
            return None
        _write(source, target, [stream], taken, muxer)
        start_ns = source.time_ns(taken.first, stream)
        duration_ns = round((taken.last_end - taken.first) * stream.time_base * SECOND_NS)
    return Made(container, mime_type, start_ns, duration_ns, 0, is_encoded=False, how="copied")


def _codec(stream: Any) -> str:
    """FFmpeg's name of the codec, not of the decoder."""
    name: str = stream.codec_context.codec.canonical_name
    return name


def _choose(source: Source, video: Any, wanted: Wanted) -> _Taken | None:
    stop = None if wanted.stop_ns is None else source.ticks(wanted.stop_ns, video)
    source.seek(wanted.start_ns, video)
    packets: list[_Packet] = []
    for packet in source.container.demux(video):
        if packet.size == 0:
            continue
        if packet.pts is None:
            return None
        packets.append(
            _Packet(packet.pts, packet.is_keyframe, packet.duration or _usual_length(video), packet.is_discard)
        )
        # No later packet is shown before this one is decoded.
        if stop is not None and packet.dts is not None and packet.dts >= stop:
            break
    start = source.ticks(wanted.start_ns, video)
    tolerance = round(wanted.tolerance_ns / SECOND_NS / video.time_base)
    first = _first(packets, start, tolerance)
    if first is None:
        return None
    index, first_pts = first
    shown = [one for one in packets[index:] if one.pts >= first_pts]
    count = _closed_prefix(shown, stop)
    if not count:
        return None
    last_end = max(one.pts + one.duration for one in shown[:count])
    wanted_end = max(one.pts + one.duration for one in shown if not one.is_hidden)
    if stop is not None:
        wanted_end = min(wanted_end, stop)
    if wanted_end - last_end > round(wanted.end_tolerance_ns / SECOND_NS / video.time_base):
        return None
    return _Taken(first_pts, count, last_end)


def _first(packets: list[_Packet], start: int, tolerance: int) -> tuple[int, int] | None:
    """Index and time of the keyframe to begin with: the last one before the start, else the first one after it."""
    keyframes = [(index, one.pts) for index, one in enumerate(packets) if one.is_keyframe and not one.is_hidden]
    before = [one for one in keyframes if one[1] <= start]
    if before and start - before[-1][1] <= tolerance:
        return before[-1]
    after = [one for one in keyframes if one[1] > start]
    if after and after[0][1] - start <= tolerance:
        return after[0]
    return None


def _closed_prefix(shown: list[_Packet], stop: int | None) -> int:
    """How many packets, in the order of decoding, can be taken so that all are shown before all that are left out."""
    least_after: list[float] = [float("inf")] * (len(shown) + 1)
    for index in range(len(shown) - 1, -1, -1):
        least_after[index] = min(least_after[index + 1], shown[index].pts)
    best, largest = 0, -(1 << 62)
    for index, one in enumerate(shown):
        largest = max(largest, one.pts)
        if one.is_hidden or (stop is not None and largest >= stop):
            break
        if largest < least_after[index + 1]:
            best = index + 1
    return best


def _usual_length(video: Any) -> int:
    rate = video.average_rate
    return round(1 / rate / video.time_base) if rate else 0


def _choose_sound(source: Source, stream: Any, wanted: Wanted) -> _Taken | None:
    start = source.ticks(wanted.start_ns, stream)
    stop = None if wanted.stop_ns is None else source.ticks(wanted.stop_ns, stream)
    source.seek(wanted.start_ns, stream)
    first = last_end = None
    count = 0
    for packet in source.container.demux(stream):
        if packet.size == 0:
            continue
        if packet.pts is None:
            return None
        if stop is not None and packet.pts >= stop:
            break
        if packet.pts + (packet.duration or 0) <= start:
            continue
        first = packet.pts if first is None else first
        last_end = packet.pts + (packet.duration or 0)
        count += 1
    if first is None or last_end is None:
        return None
    if abs(source.time_ns(first, stream) - wanted.start_ns) > max(wanted.tolerance_ns, SECOND_NS // 10):
        return None
    return _Taken(first, count, last_end)


def _write(source: Source, target: str, streams: list[Any], taken: _Taken, muxer: str) -> None:
    """Copies the packets; the first stream is the one that was chosen from."""
    leader = streams[0]
    options = _MP4_OPTIONS if muxer == "mp4" else {}
    first_s = taken.first * leader.time_base
    end_s = taken.last_end * leader.time_base
    with av.open(target, "w", format=muxer, options=options) as output:
        made = {stream.index: output.add_stream_from_template(stream) for stream in streams}
        source.seek(source.time_ns(taken.first, leader), leader)
        begun, left, full = False, taken.packets, set()
        for packet in source.container.demux(streams):
            if packet.size == 0 or packet.pts is None:
                continue
            stream = packet.stream
            if stream is leader or stream.index == leader.index:
                begun = begun or packet.pts == taken.first
                if left == 0 and packet.pts * stream.time_base > end_s + _MOST_APART_S:
                    break
                if not begun or packet.pts < taken.first or left == 0:
                    continue
                left -= 1
                if left == 0:
                    full.add(stream.index)
            else:
                at_s = packet.pts * stream.time_base
                if at_s >= end_s:
                    full.add(stream.index)
                    continue
                if at_s < first_s:
                    continue
            offset = round(first_s / stream.time_base)
            packet.pts -= offset
            if packet.dts is not None:
                packet.dts -= offset
            packet.stream = made[stream.index]
            output.mux(packet)
            if len(full) == len(streams):
                break
