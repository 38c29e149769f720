"""MPEG audio of layers I, II and III: constant and variable bit rate, with Xing, Info and VBRI headers, with tags.

An encoder's header in the first frame (Xing, Info, VBRI) holds the number of frames and bytes. It is believed when its
bytes are the object's and when its frames fit those in the head; nothing more is read then. All other objects are read
whole, in one request, and their frames are counted. A constant bit rate does not save that: podcasts are joined from
parts with tags between them, which may take as many bytes as some frames and then show at no other place.

Specifications: ISO/IEC 11172-3 and 13818-3 (frames); https://www.codeproject.com/Articles/8295/MPEG-Audio-Frame-Header
(Xing and VBRI); http://gabriel.mp3-tech.org/mp3infotag.html (Info); https://id3.org/ID3v1 and
https://wiki.hydrogenaud.io/index.php?title=APEv2_specification (tags at the end).
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from beam_tuning.media.containers.frames import (
    Counted,
    Frame,
    FrameFormat,
    Run,
    audio_info,
    count_frames,
    find_late_start,
    find_start,
    walk,
)
from beam_tuning.media.containers.lengths import TAIL_S, lacks
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import Steps, cut_at, damaged, read, u32be, u32le
from beam_tuning.media.info import MediaInfo

_VERSION_1, _VERSION_2 = 3, 2
_LAYER_I, _LAYER_II, _LAYER_III = 3, 2, 1
#: By (is version 1, layer): kbit/s of bit rate indexes 1 to 14.
_KBITS_PER_S = {
    (True, _LAYER_I): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, _LAYER_II): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, _LAYER_III): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, _LAYER_I): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, _LAYER_II): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, _LAYER_III): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES_HZ = (44100, 48000, 32000)
_CODECS = {_LAYER_I: "mp1", _LAYER_II: "mp2", _LAYER_III: "mp3"}

#: How far the bytes that an encoder counted may differ from the object's, as a share of these.
_BYTES_TOLERANCE = 0.005
#: How far the bytes of a frame may differ between the head and the whole, as a factor.
_DENSITY_FACTOR = 1.6
#: The header's table has steps of 1/256: it says something of a head that is more than a few of them.
_TABLE_STEP = 2 / 256
_TABLE_MIN_SHARE = 0.04
_TABLE_TOLERANCE = 0.1
_TAG_SEARCH_BYTES = 1024
#: Of other bytes, so many are searched for a first frame.
_LATE_START_BYTES = 512 * 1024
_ID3V1_BYTES = 128
_APE_FOOTER_BYTES = 32


@functools.lru_cache(maxsize=4096)
def _parse(header: bytes) -> Frame | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate_index, bits_index = header[2] >> 2 & 3, header[2] >> 4
    # Reserved values; and a free bit rate (index 0), whose frames do not say how long they are.
    if version == 1 or layer == 0 or rate_index == 3 or bits_index in (0, 15) or header[3] & 3 == 2:
        return None
    is_version_1 = version == _VERSION_1
    rate_hz = _SAMPLE_RATES_HZ[rate_index] // (1 if is_version_1 else 2 if version == _VERSION_2 else 4)
    bits_per_s = 1000 * _KBITS_PER_S[is_version_1, layer][bits_index - 1]
    padding = header[2] >> 1 & 1
    if layer == _LAYER_I:
        samples, size_bytes = 384, 4 * (12 * bits_per_s // rate_hz + padding)
    else:
        samples = 1152 if is_version_1 or layer == _LAYER_II else 576
        size_bytes = samples // 8 * bits_per_s // rate_hz + padding
    channels = 1 if header[3] >> 6 == 3 else 2
    kind = (header[1] & 0x1E) << 8 | rate_index
    return Frame(size_bytes, samples, rate_hz, channels, _CODECS[layer], kind, bits_per_s)


MPEG_AUDIO = FrameFormat("mp3", re.compile(rb"\xff[\xe2-\xe7\xf2-\xff]"), 4, _parse)


def matches(head: bytes) -> bool:
    return find_start(MPEG_AUDIO, head) is not None


def plan(head: bytes, size_bytes: int, *, offset: int = 0) -> Plan:
    """As of every family; `offset` is where `head` begins in the real object, for what is said of a cut."""
    start = find_start(MPEG_AUDIO, head)
    run = None if start is None else walk(MPEG_AUDIO, head, start)
    if run is None:
        return damaged("mp3", "no run of frames was found")
    return (yield from _plan_from(head, run, size_bytes, offset))


def plan_behind_others(head: bytes, size_bytes: int, *, offset: int = 0) -> Steps[MediaInfo | None]:
    """MP3 behind bytes of something else, as of a tag that says too small a size; None when there is none."""
    data = head
    if len(data) < min(size_bytes, _LATE_START_BYTES):
        (more,) = yield from read((len(head), min(size_bytes, _LATE_START_BYTES)))
        data += more
    is_whole = len(data) == size_bytes
    start = find_late_start(MPEG_AUDIO, data[: size_bytes - _tail_tags_bytes(data)] if is_whole else data)
    run = None if start is None else walk(MPEG_AUDIO, data, start)
    return None if run is None else (yield from _plan_from(data, run, size_bytes, offset))


def _plan_from(head: bytes, run: Run, size_bytes: int, offset: int) -> Steps[MediaInfo]:
    header = _encoder_header(head, run)
    if header is not None:
        # The header's frame holds no sound, and may have a bit rate of its own.
        run = walk(MPEG_AUDIO, head, run.start + run.first.size_bytes) or run
    first = run.first
    truncated, tail_cut = _end_of(header, run, size_bytes, offset)
    counted: Counted | None = None
    if (
        header is not None
        and len(head) < size_bytes
        and truncated is None
        and (yield from _is_believable(header, run, size_bytes))
    ):
        counted = Counted(header.frames * first.samples / first.sample_rate_hz, tail_cut)
    if counted is None:
        counted = yield from count_frames(MPEG_AUDIO, head, run.start, first.kind, size_bytes)
        if header is not None and not header.size_bytes and counted.tail_cut:
            declared_s = header.frames * first.samples / first.sample_rate_hz
            if declared_s - counted.seconds > TAIL_S:
                truncated = f"the encoder counted {declared_s:.1f} s, the object ends after {counted.seconds:.1f} s"
    return audio_info(MPEG_AUDIO, first, counted, truncated)


def _end_of(header: _EncoderHeader | None, run: Run, size_bytes: int, offset: int) -> tuple[str | None, str | None]:
    """(`truncated`, `tail_cut`) by what the encoder counted."""
    missing_bytes = header.end - size_bytes if header else 0
    if header is None or missing_bytes <= 0:
        return None, None
    what = "the audio that the encoder counted"
    bytes_per_s = (run.end - run.start) * run.first.sample_rate_hz / (run.frames * run.first.samples)
    if missing_bytes <= max(TAIL_S * bytes_per_s, run.first.size_bytes + 1):
        return None, lacks(what, missing_bytes)
    return cut_at(what, offset + header.end, offset + size_bytes), None


class _EncoderHeader(NamedTuple):
    """What the encoder wrote into the first frame.

    Attributes:
      start: of that frame.
      size_bytes: of all frames, this one included; 0 when not said.
      table: for each percent of the time, the part of `size_bytes` before it in 256ths; empty when not said.
    """

    start: int
    frames: int
    size_bytes: int
    table: bytes

    @property
    def end(self) -> int:
        return self.start + self.size_bytes


def _encoder_header(head: bytes, run: Run) -> _EncoderHeader | None:
    frame = head[run.start : run.start + run.first.size_bytes]
    if run.first.codec != "mp3":
        return None
    if frame[36:40] == b"VBRI":
        return _EncoderHeader(run.start, u32be(frame, 50), u32be(frame, 46), b"")
    # Behind the side information, whose length depends on version and channels; some encoders count a checksum as well.
    is_version_1 = frame[1] >> 3 & 3 == _VERSION_1
    side_bytes = (32 if is_version_1 else 17) if run.first.channels == 2 else (17 if is_version_1 else 9)
    for position in (4 + side_bytes, 6 + side_bytes):
        if frame[position : position + 4] in (b"Xing", b"Info"):
            return _parse_xing(run.start, frame[position + 4 :])
    return None


def _parse_xing(start: int, data: bytes) -> _EncoderHeader:
    flags, position = u32be(data, 0), 4
    frames = size_bytes = 0
    table = b""
    if flags & 1:
        frames, position = u32be(data, position), position + 4
    if flags & 2:
        size_bytes, position = u32be(data, position), position + 4
    if flags & 4:
        table = data[position : position + 100]
    return _EncoderHeader(start, frames, size_bytes, table if len(table) == 100 else b"")


def _is_believable(header: _EncoderHeader, run: Run, size_bytes: int) -> Steps[bool]:
    """Whether the header's counts are those of this object: they go stale when files are joined, cut or patched."""
    if header.frames < run.frames or not (header.size_bytes or run.constant_rate):
        return False
    audio_bytes = size_bytes - header.start
    if header.size_bytes and abs(audio_bytes - header.size_bytes) > _BYTES_TOLERANCE * audio_bytes + _ID3V1_BYTES:
        (tail,) = yield from read((max(0, size_bytes - _TAG_SEARCH_BYTES), size_bytes))
        audio_bytes -= _tail_tags_bytes(tail)
        if abs(audio_bytes - header.size_bytes) > _BYTES_TOLERANCE * audio_bytes:
            return False
    audio_bytes = header.size_bytes or audio_bytes
    first = run.first
    if run.constant_rate:
        constant_bytes = first.samples * first.bits_per_s / 8 / first.sample_rate_hz
        bytes_a_frame = (audio_bytes - (run.start - header.start)) / header.frames
        return abs(bytes_a_frame / constant_bytes - 1) < _BYTES_TOLERANCE
    share_of_bytes = (run.end - header.start) / audio_bytes
    share_of_time = run.frames / header.frames
    if header.table and share_of_bytes > _TABLE_MIN_SHARE:
        percent = min(98, int(share_of_time * 100))
        before, after = header.table[percent], header.table[percent + 1]
        expected = (before + (after - before) * (share_of_time * 100 - percent)) / 256
        return abs(expected - share_of_bytes) < _TABLE_STEP + _TABLE_TOLERANCE * share_of_bytes
    return 1 / _DENSITY_FACTOR < share_of_time / share_of_bytes < _DENSITY_FACTOR


def _tail_tags_bytes(tail: bytes) -> int:
    """Bytes of the ID3v1 and APE tags at the end of an object."""
    tags = _ID3V1_BYTES if tail[-_ID3V1_BYTES:][:3] == b"TAG" else 0
    footer = tail[: len(tail) - tags][-_APE_FOOTER_BYTES:]
    if footer[:8] == b"APETAGEX" and u32le(footer, 8) in (1000, 2000):
        # The size leaves the optional header out; bit 31 of the flags tells of it.
        tags += u32le(footer, 12) + (_APE_FOOTER_BYTES if u32le(footer, 20) >> 31 else 0)
    return tags
