"""Ogg: Opus, Vorbis, FLAC, Speex, Theora and VP8.

Asks for the end of the object: the first pages say which streams there are and at which rate their clocks run, and the
last page of a stream says at what time it ends. Chained streams (several, one after the other) and such whose page
numbers do not fit the size are read whole, page by page. A last page that is cut is left out, as decoders leave it out;
where it lacks no more than a packet or a tenth of a second, it counts as far as its packets are there.

Specifications: RFC 3533 (Ogg), RFC 7845 (Opus), RFC 9639 section 10.1 (FLAC), the Vorbis I specification (4.2.2 and
A.2), the Speex manual (5.4), the Theora specification (6.2). VP8's mapping has no published text; it is as FFmpeg's
muxer and demuxer have it (libavformat/oggparsevp8.c), which GStreamer's agree with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from beam_tuning.media.containers.flac import parse_stream_info
from beam_tuning.media.containers.lengths import TAIL_S, known, lacks
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import damaged, read, stream, u16be, u16le, u24be, u32be, u32le
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

_TAIL_BYTES = 64 * 1024
_LONG_TAIL_BYTES = 1 << 20
_HEADER_BYTES = 27
_FIRST, _LAST = 2, 4
#: More pages than their numbers let expect, by this factor, are the sign of a second chain.
_SUSPECT_FACTOR = 1.5
_OPUS_RATE_HZ = 48000
#: The longest packets: 120 ms of Opus (RFC 6716, 2.1.4), half a block of 8192 of Vorbis (4.2.2), a block of FLAC, and
#: of Speex, which sets no limit, ten frames of 640 samples.
_OPUS_PACKET_TICKS, _VORBIS_PACKET_TICKS, _FLAC_PACKET_TICKS, _SPEEX_PACKET_TICKS = 5760, 4096, 65535, 6400
_MAX_PAGE_BYTES = 65307
#: Pages at the start from which the length of a packet is taken.
_OPENING_PAGES = 32
_MIN_START_S = 0.5


def matches(head: bytes) -> bool:
    return head[:5] == b"OggS\0" and len(head) > _HEADER_BYTES and bool(head[5] & _FIRST)


class _Page(NamedTuple):
    """A page's header. `granule` is None on a page on which no packet ends."""

    start: int
    end: int
    payload: int
    flags: int
    granule: int | None
    serial: int
    number: int
    lacing: bytes

    @property
    def packets(self) -> int:
        """How many end on the page."""
        return len(self.lacing) - self.lacing.count(255)

    def kept(self, size_bytes: int) -> _Page:
        """The page as far as its packets lie before `size_bytes`."""
        end, lacing_end = self.payload, 0
        for number, length in enumerate(self.lacing, 1):
            end += length
            if end > size_bytes:
                break
            if length < 255:
                lacing_end = number
        return self._replace(lacing=self.lacing[:lacing_end])


def _parse_page(data: bytes, position: int, offset: int = 0) -> _Page | None:
    """The page at `position` of `data`, which begin at `offset` of the object; None when its header is not there."""
    table = position + _HEADER_BYTES
    if table > len(data) or data[position : position + 5] != b"OggS\0" or data[position + 5] > 7:
        return None
    payload = table + data[position + 26]
    if payload > len(data):
        return None
    lacing = data[table:payload]
    granule = int.from_bytes(data[position + 6 : position + 14], "little", signed=True)
    return _Page(
        start=offset + position,
        end=offset + payload + sum(lacing),
        payload=offset + payload,
        flags=data[position + 5],
        granule=granule if granule >= 0 else None,
        serial=u32le(data, position + 14),
        number=u32le(data, position + 18),
        lacing=lacing,
    )


class _Track(NamedTuple):
    """A logical stream, known from its first packet.

    Attributes:
      clock_hz: ticks of the granule position in a second.
      packet_ticks: the most that one packet of audio lasts; pictures may last as long as they like.
      lead_in: ticks at the start that are not played.
      keyframe_shift: bits of the granule that count from the last key frame (Theora).
      time_shift: bits of the granule below the time (VP8).
    """

    info: StreamInfo
    clock_hz: float
    packet_ticks: float = math.inf
    lead_in: int = 0
    keyframe_shift: int = 0
    time_shift: int = 0

    def ticks(self, granule: int) -> int:
        granule >>= self.time_shift
        if self.keyframe_shift:
            return (granule >> self.keyframe_shift) + (granule & (1 << self.keyframe_shift) - 1)
        return granule


def _parse_track(packet: bytes) -> _Track | None:
    """None for a stream that is neither audio nor video (Skeleton, subtitles) or of an unknown codec."""
    if packet[:8] == b"OpusHead" and len(packet) >= 19:
        info = StreamInfo(MediaKind.AUDIO, "opus", sample_rate_hz=_OPUS_RATE_HZ, channels=packet[9] or None)
        return _Track(info, _OPUS_RATE_HZ, _OPUS_PACKET_TICKS, lead_in=u16le(packet, 10))
    if packet[:7] == b"\x01vorbis" and len(packet) >= 30 and (rate_hz := u32le(packet, 12)):
        info = StreamInfo(MediaKind.AUDIO, "vorbis", sample_rate_hz=rate_hz, channels=packet[11] or None)
        return _Track(info, rate_hz, _VORBIS_PACKET_TICKS)
    if packet[:5] == b"\x7fFLAC" and packet[9:13] == b"fLaC":
        block = parse_stream_info(packet[17:51])
        rate_hz = block.sample_rate_hz if block else 0
        return _Track(block.stream(None), rate_hz, _FLAC_PACKET_TICKS) if block and rate_hz else None
    if packet[:8] == b"Speex   " and len(packet) >= 52 and (rate_hz := u32le(packet, 36)):
        info = StreamInfo(MediaKind.AUDIO, "speex", sample_rate_hz=rate_hz, channels=u32le(packet, 48) or None)
        return _Track(info, rate_hz, _SPEEX_PACKET_TICKS)
    if packet[:7] == b"\x80theora" and len(packet) >= 42:
        # The picture's size, not that of the coded macroblocks around it.
        track = _video_track("theora", (u24be(packet, 14), u24be(packet, 17)), u32be(packet, 22), u32be(packet, 26))
        return track and track._replace(keyframe_shift=(packet[40] & 3) << 3 | packet[41] >> 5)
    if packet[:6] == b"OVP80\x01" and len(packet) >= 26:
        track = _video_track("vp8", (u16be(packet, 8), u16be(packet, 10)), u32be(packet, 18), u32be(packet, 22))
        return track and track._replace(time_shift=32)
    return None


def _video_track(codec: str, size_px: tuple[int, int], rate: int, scale: int) -> _Track | None:
    if not (rate and scale):
        return None
    width_px, height_px = size_px
    fps = rate / scale
    return _Track(
        StreamInfo(MediaKind.VIDEO, codec, width_px=width_px or None, height_px=height_px or None, fps=fps), fps
    )


class _Link:
    """Logical streams that play together; the links of a chain play one after the other."""

    def __init__(self, size_bytes: int) -> None:
        self.tracks: dict[int, _Track | None] = {}
        self.last: dict[int, _Page] = {}
        self.has_data = False
        self._size_bytes = size_bytes
        self._opening: dict[int, list[_Page]] = {}

    def add(self, page: _Page, payload: bytes, is_at_start: bool = True) -> None:
        if page.flags & _FIRST:
            self.tracks[page.serial] = _parse_track(payload)
        # Pages of headers have granule position 0.
        if page.granule:
            self.has_data = True
            self.last[page.serial] = page
            opening = self._opening.setdefault(page.serial, [])
            # The last page may end before its last packet does, so it says nothing of their length.
            if is_at_start and (not opening or (len(opening) < _OPENING_PAGES and not page.flags & _LAST)):
                opening.append(page)

    def add_cut(self, page: _Page, is_at_start: bool) -> None:
        """Adds a page that reaches a little beyond the end of the object, if the page before it is known."""
        track, before = self.tracks.get(page.serial), self.last.get(page.serial)
        kept = page.kept(self._size_bytes)
        if track is None or track.info.kind is MediaKind.VIDEO or not page.granule or not kept.packets:
            return
        if not (is_at_start if before is None else page.number == before.number + 1):
            return
        start = (before and before.granule) or 0
        lacking = (page.granule - start) * (page.packets - kept.packets) // page.packets
        if kept.packets == page.packets - 1 or lacking < TAIL_S * track.clock_hz:
            self.last[page.serial] = kept._replace(granule=page.granule - lacking)

    def lengths_s(self) -> dict[int, float | None]:
        """By serial number; infinite where the last page gives a time that no object of this size can hold."""
        return {serial: self._seconds(serial, track) for serial, track in self.tracks.items() if track is not None}

    def seconds(self) -> float | None:
        return max((length_s for length_s in self.lengths_s().values() if length_s is not None), default=None)

    def _seconds(self, serial: int, track: _Track) -> float | None:
        last = self.last.get(serial)
        if last is None or last.granule is None:
            return None
        ticks = track.ticks(last.granule) - self._start_ticks(serial, track) - track.lead_in
        # A packet takes a byte at least, in the table of its page.
        return max(0.0, ticks / track.clock_hz) if ticks <= self._size_bytes * track.packet_ticks else math.inf

    def _start_ticks(self, serial: int, track: _Track) -> float:
        """Where the first page begins, whose granule position is that of its end: a live recording starts late."""
        opening = self._opening.get(serial, [])
        packets = sum(page.packets for page in opening[1:])
        if not packets:
            return 0.0
        first, last = (track.ticks(page.granule or 0) for page in (opening[0], opening[-1]))
        start = first - opening[0].packets * max(0, last - first) / packets
        # Packets differ in length, so this is not exact: small starts are none.
        return start if start > _MIN_START_S * track.clock_hz else 0.0

    def bytes_by_page_numbers(self) -> float:
        """How large an object with pages of these numbers should be, from those at its start; unbounded without."""
        opening = [page for pages in self._opening.values() for page in pages]
        if not opening:
            return math.inf
        mean_bytes = sum(page.end - page.start for page in opening) / len(opening)
        numbers = sum(self.last[serial].number - pages[-1].number for serial, pages in self._opening.items() if pages)
        return max(page.end for page in opening) + mean_bytes * max(0, numbers)


def plan(head: bytes, size_bytes: int) -> Plan:
    link = _Link(size_bytes)
    is_chained = _add_pages(link, head, 0, size_bytes)
    if not any(link.tracks.values()):
        return damaged("ogg", "no stream of a known codec was found")
    last = _last_page(head, 0)
    for tail_bytes in (_TAIL_BYTES, _LONG_TAIL_BYTES):
        if len(head) == size_bytes or is_chained:
            break
        start = max(len(head), size_bytes - tail_bytes)
        (tail,) = yield from read((start, size_bytes))
        seen = dict(link.last)
        is_chained = _add_pages(link, tail, start, size_bytes)
        last = _last_page(tail, start) or last
        if link.last != seen or start == len(head):
            break
    lengths_s, duration_s = link.lengths_s(), link.seconds()
    if is_chained or size_bytes > _SUSPECT_FACTOR * link.bytes_by_page_numbers() + _TAIL_BYTES:
        duration_s, last = _read_chain((yield from stream(0)), size_bytes)
        lengths_s = dict.fromkeys(lengths_s)
    # A missing end-of-stream flag is no sign of a cut: Android's recorder (OggWriter in AOSP) never sets it.
    # And nothing declares how many pages there are: one that is cut is all that is known to be missing.
    missing_bytes = last.end - size_bytes if last is not None else 0
    tail_cut = lacks("the last page", missing_bytes) if missing_bytes > 0 else None
    duration_s, unknown = known(duration_s, "no page with audio or video was found")
    if duration_s is None:
        lengths_s = dict.fromkeys(lengths_s)
    streams = tuple(
        msgspec.structs.replace(track.info, duration_s=lengths_s[serial])
        for serial, track in link.tracks.items()
        if track is not None
    )
    kind = MediaKind.VIDEO if any(one.kind is MediaKind.VIDEO for one in streams) else MediaKind.AUDIO
    return MediaInfo("ogg", kind, streams, duration_s, unknown, tail_cut=tail_cut)


def _pages(data: bytes, offset: int) -> Iterator[_Page]:
    """Pages whose headers lie in `data`, which begin at `offset` of the object."""
    position = 0
    while (position := data.find(b"OggS\0", position)) >= 0:
        spend(2)  # a page takes longer than most parts
        page = _parse_page(data, position, offset)
        if page is None:
            position += 1
            continue
        yield page
        position = page.end - offset


def _add_pages(link: _Link, data: bytes, offset: int, size_bytes: int) -> bool:
    """Adds the whole pages; whether one of them belongs to another link."""
    for page in _pages(data, offset):
        if page.end > size_bytes:
            link.add_cut(page, is_at_start=offset == 0)
            break
        is_first = bool(page.flags & _FIRST)
        if link.has_data if is_first else page.serial not in link.tracks:
            return True
        link.add(page, data[page.payload - offset : page.end - offset], is_at_start=offset == 0)
    return False


def _last_page(data: bytes, offset: int) -> _Page | None:
    last = None
    for page in _pages(data, offset):
        last = page
    return last


def _read_chain(chunks: Iterator[bytes], size_bytes: int) -> tuple[float, _Page | None]:
    """The length of all links together, and the last page."""
    seconds, link, last = 0.0, _Link(size_bytes), None
    data, offset = b"", 0
    for chunk in chunks:
        data += chunk
        consumed = max(0, len(data) - _MAX_PAGE_BYTES)
        for page in _pages(data, offset):
            last = page
            if page.end > offset + len(data):
                consumed = page.start - offset
                break
            if page.flags & _FIRST and link.has_data:
                seconds, link = seconds + (link.seconds() or 0), _Link(size_bytes)
            link.add(page, data[page.payload - offset : page.end - offset])
            consumed = max(consumed, page.end - offset)
        data, offset = data[consumed:], offset + consumed
    return seconds + (link.seconds() or 0), last
