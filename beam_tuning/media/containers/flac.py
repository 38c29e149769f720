"""FLAC in its own framing.

Asks for the end of the object: the number and the length of the last frame tell how many samples are there. STREAMINFO
in the head declares that number too, but nothing declares how many bytes it takes, so a cut object looks whole from its
head alone; and an encoder that writes into a pipe leaves it out.

Files joined end to end, which decoders play to their end, number their frames anew. So the last frame is held against
STREAMINFO, against the most bytes that frames have, and against the bytes a second at both ends and, where those are
few, at two places between. Where they disagree the object is read whole, in one request, and its frames are counted,
each at its own rate.

Specification: RFC 9639.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from typing import NamedTuple

from beam_tuning.media.containers.lengths import TAIL_S, known
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import Steps, damaged, read, stream, u16be, u24be, u64be
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

_TAIL_BYTES = 64 * 1024
#: A frame holds at most 65535 samples; 1 MiB has room for the largest of usual streams.
_LONG_TAIL_BYTES = 1 << 20
_MIDDLE_BYTES = 32 * 1024
#: The least that a frame takes (section 9): its header, a subframe of one value, its checksum.
_MIN_FRAME_BYTES = 10
#: An object of so much more bytes a sample than any part of it that was seen may be several files joined.
_DENSITY_FACTOR = 1.6
_MAX_BLOCK_SAMPLES = 65536
#: A last frame that is longer, as few are, is not held against its checksum.
_MAX_FRAME_BYTES = 256 * 1024
_MAX_HEADER_BYTES = 16
#: Of the checksum of a frame, which is counted byte by byte.
_CHECKSUM_BYTES_A_STEP = 8
#: Frame headers without a neighbour that are kept while one may come.
_MAX_WAITING = 8
#: The sync code, then a block size, a rate and channels that are not forbidden.
_FRAME_SYNC = re.compile(rb"\xff[\xf8\xf9][\x10-\xfe][\x00-\xae]")
_SYNC_BYTES = 4
#: The end, tags, padding, another file that was joined, or another frame.
_BEHIND_FRAMES = re.compile(rb"\Z|TAG|APETAGEX|ID3|LYRICS|fLaC|\0{4}|\xff[\xf8\xf9]")
_BLOCK_SAMPLES = {1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608} | {code: 256 << (code - 8) for code in range(8, 16)}
_SAMPLE_RATES_HZ = (0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)


def matches(head: bytes) -> bool:
    return head[:4] == b"fLaC" and head[4:5] in (b"\x00", b"\x80") and head[5:8] == b"\x00\x00\x22"


class StreamInfoBlock(NamedTuple):
    """STREAMINFO (RFC 9639, section 8.2); `max_frame_bytes` and `total_samples` are 0 where they are not known."""

    min_block_samples: int
    max_block_samples: int
    max_frame_bytes: int
    sample_rate_hz: int
    channels: int
    bits: int
    total_samples: int

    def stream(self, duration_s: float | None) -> StreamInfo:
        rate = self.sample_rate_hz or None
        return StreamInfo(MediaKind.AUDIO, "flac", duration_s, sample_rate_hz=rate, channels=self.channels)


def parse_stream_info(data: bytes) -> StreamInfoBlock | None:
    """Reads the 34 bytes of the block."""
    if len(data) < 34:
        return None
    packed = u64be(data, 10)
    return StreamInfoBlock(
        min_block_samples=u16be(data, 0),
        max_block_samples=u16be(data, 2),
        max_frame_bytes=u24be(data, 7),
        sample_rate_hz=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
        bits=(packed >> 36 & 31) + 1,
        total_samples=packed & (1 << 36) - 1,
    )


class _Length(NamedTuple):
    """How long the audio is, a last frame that is cut left out; `samples` is None where frames differ in rate."""

    seconds: float
    samples: int | None
    is_last_cut: bool


def plan(head: bytes, size_bytes: int, *, offset: int = 0) -> Plan:
    """As of every family; `offset` is where `head` begins in the real object, for what is said of a cut."""
    info = parse_stream_info(head[8:42])
    if info is None or info.sample_rate_hz == 0:
        return damaged("flac", "STREAMINFO has no sample rate")
    length = (yield from _length_by_ends(info, head, size_bytes)) if len(head) < size_bytes else None
    if length is None:
        counted = _Frames(info)
        counted.feed(head)
        if len(head) < size_bytes:
            for piece in (yield from stream(len(head))):
                counted.feed(piece)
        length = counted.length()
    duration_s, unknown = known(length.seconds, "no frame was found in the object")
    if duration_s is None:
        return MediaInfo("flac", MediaKind.AUDIO, (info.stream(None),), None, unknown)
    truncated: str | None = None
    tail_cut: str | None = None
    missing = info.total_samples - length.samples if length.samples is not None else 0
    if missing > max(info.max_block_samples, TAIL_S * info.sample_rate_hz):
        place = f"the object ends at byte {offset + size_bytes} with sample {length.samples}"
        truncated = f"STREAMINFO declares {info.total_samples} samples, but {place}"
    elif missing > 0:
        tail_cut = f"the audio lacks the last {missing} of the {info.total_samples} samples that STREAMINFO declares"
    elif length.is_last_cut:
        tail_cut = "the last frame lacks some of its last bytes"
    return MediaInfo("flac", MediaKind.AUDIO, (info.stream(duration_s),), duration_s, None, truncated, tail_cut)


def _length_by_ends(info: StreamInfoBlock, head: bytes, size_bytes: int) -> Steps[_Length | None]:
    """The length by the number of the last frame; None when only a count can tell."""
    tail = _Frames(info)
    for tail_bytes in (_TAIL_BYTES, _LONG_TAIL_BYTES):
        start = max(0, size_bytes - tail_bytes)
        (data,) = yield from read((start, size_bytes))
        tail = _Frames(info, start)
        tail.feed(data)
        if tail.last is not None:
            break
    present = tail.samples_to_end()
    # The last block may be short, and may be lost; nothing else.
    missing = info.total_samples - (present or 0) if info.total_samples else 0
    if present is None or tail.last is None or not 0 <= missing <= info.max_block_samples:
        return None
    opening = _Frames(info)
    opening.feed(head)
    audio_bytes = tail.last.start - _audio_start(head, opening)
    audio_samples = present - tail.last.samples
    if not tail.is_possible(audio_bytes, audio_samples):
        return None
    windows = [opening, tail]
    if audio_bytes > _DENSITY_FACTOR * audio_samples * max(one.bytes_a_sample() for one in windows):
        step = (size_bytes - len(head)) // 3
        if step < _MIDDLE_BYTES:
            return None
        starts = (len(head) + step, len(head) + 2 * step)
        for middle in (yield from read(*((start, start + _MIDDLE_BYTES) for start in starts))):
            windows.append(_Frames(info))
            windows[-1].feed(middle)
        if audio_bytes > _DENSITY_FACTOR * audio_samples * max(one.bytes_a_sample() for one in windows):
            return None
    if not all(one.is_as_declared for one in windows):
        return None
    is_cut = tail.is_last_cut()
    present -= tail.last.samples if is_cut else 0
    return _Length(present / info.sample_rate_hz, present, is_cut)


def _audio_start(head: bytes, opening: _Frames) -> int:
    """Where the frames begin; where the metadata go on beyond the head, at least where the last block seen ends."""
    if opening.first is not None and opening.first.number == 0:
        return opening.first.start
    position = 4
    while position + 4 <= len(head):
        is_last = head[position] & 0x80
        position += 4 + u24be(head, position + 1)
        if is_last:
            break
    return position


class _Frame(NamedTuple):
    """A frame header; `number` counts frames or samples."""

    start: int
    number: int
    samples: int
    rate_hz: int
    channels: int

    def follows(self, before: _Frame) -> bool:
        return self.number - before.number in (1, before.samples)


class _Frames:
    """The frames of a stretch of an object, which comes in pieces.

    A header's checksum has eight bits, so bytes inside frames pass for one now and then. A header is taken for one when
    its number is next to that of another.

    Attributes:
      first, last: frames found.
      is_as_declared: whether all have the rate and the channels of STREAMINFO, and none is numbered anew.
    """

    def __init__(self, info: StreamInfoBlock, offset: int = 0) -> None:
        self.first: _Frame | None = None
        self.last: _Frame | None = None
        self.is_as_declared = True
        self._info = info
        self._samples: Counter[int] = Counter()
        self._counts_samples = False
        self._has_one_block_size = True
        self._waiting: deque[_Frame] = deque(maxlen=_MAX_WAITING)
        self._rest = b""
        self._offset = offset
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held_bytes += len(piece)
        while self._held_bytes - len(self._pieces[0]) >= _MAX_FRAME_BYTES:
            self._held_bytes -= len(self._pieces.popleft())
        data = self._rest + piece
        # A header that may go on beyond the data waits for the next piece.
        kept = max(0, len(data) - _MAX_HEADER_BYTES + 1)
        self._look(data, kept)
        self._rest = data[kept:]
        self._offset += kept

    def length(self) -> _Length:
        """Of all frames of an object that was fed whole."""
        self._finish()
        if self.last is None and self._waiting and self._waiting[0].number == 0:
            self._accept(self._waiting[0], None)
        is_cut = self.is_last_cut()
        if self.last is not None and is_cut:
            self._samples[self.last.rate_hz] -= self.last.samples
        seconds = sum(samples / rate_hz for rate_hz, samples in self._samples.items())
        return _Length(seconds, self._samples.total() if len(self._samples) < 2 else None, is_cut)

    def is_last_cut(self) -> bool:
        """Whether the object that was fed to its end ends inside the last frame."""
        if self.last is None:
            return False
        frame = b"".join(self._pieces)[self.last.start - self._end :]
        return len(frame) <= _MAX_FRAME_BYTES and not _is_whole_frame(frame)

    def samples_to_end(self) -> int | None:
        """How many samples an object has whose last bytes were fed, by the number of the last frame."""
        self._finish()
        if self.last is None:
            return None
        if self._counts_samples:
            return self.last.number + self.last.samples
        return self.last.number * self._info.max_block_samples + self.last.samples if self._has_one_block_size else None

    def bytes_a_sample(self) -> float:
        """Between the first and the last frame; 0 where there are fewer than two."""
        if self.first is None or self.last is None or self.first is self.last:
            return 0.0
        return (self.last.start - self.first.start) / (self._samples.total() - self.last.samples)

    def is_possible(self, audio_bytes: int, audio_samples: int) -> bool:
        """Whether frames like these can hold so many samples in so many bytes."""
        info = self._info
        if not self._has_one_block_size:
            return audio_bytes * _MAX_BLOCK_SAMPLES >= audio_samples * _MIN_FRAME_BYTES
        frames = audio_samples // info.max_block_samples
        return frames * _MIN_FRAME_BYTES <= audio_bytes <= frames * (info.max_frame_bytes or audio_bytes)

    @property
    def _end(self) -> int:
        return self._offset + len(self._rest)

    def _finish(self) -> None:
        self._look(self._rest, len(self._rest))
        self._offset, self._rest = self._end, b""

    def _look(self, data: bytes, stop: int) -> None:
        for match in _FRAME_SYNC.finditer(data, 0, min(stop + _SYNC_BYTES - 1, len(data))):
            spend()
            frame = _parse_frame(self._info, data, match.start(), self._offset)
            if frame is not None:
                self._see(frame)

    def _see(self, frame: _Frame) -> None:
        if self.last is not None and frame.follows(self.last):
            self._accept(frame, self.last)
            return
        spend()
        before = next((one for one in reversed(self._waiting) if frame.follows(one)), None)
        if before is None:
            self._waiting.append(frame)
            return
        self._waiting.clear()
        self.is_as_declared &= self.last is None
        self._accept(before, None)
        self._accept(frame, before)

    def _accept(self, frame: _Frame, before: _Frame | None) -> None:
        info = self._info
        if before is not None:
            self._counts_samples = frame.number - before.number != 1
            self._has_one_block_size &= before.samples == info.min_block_samples == info.max_block_samples
        self.is_as_declared &= (frame.rate_hz, frame.channels) == (info.sample_rate_hz, info.channels)
        self.first = self.first or frame
        self.last = frame
        self._samples[frame.rate_hz] += frame.samples


def _parse_frame(info: StreamInfoBlock, data: bytes, start: int, offset: int) -> _Frame | None:
    """Reads a frame header (RFC 9639, section 9.1), which its CRC-8 has to confirm."""
    header = data[start : start + _MAX_HEADER_BYTES]
    if len(header) < 6:
        return None
    block_code, rate_code, assignment, bits_code = header[2] >> 4, header[2] & 15, header[3] >> 4, header[3] >> 1 & 7
    # Values that are reserved or forbidden.
    if block_code == 0 or rate_code == 15 or assignment > 10 or bits_code == 3 or header[3] & 1:
        return None
    # The frame's or first sample's number is coded as UTF-8 codes characters, on up to 7 bytes.
    leading_ones = 8 - (~header[4] & 0xFF).bit_length()
    if leading_ones in (1, 8):
        return None
    position = 4 + (leading_ones or 1)
    number = header[4] & (0x7F >> leading_ones)
    for byte in header[5:position]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    samples = _BLOCK_SAMPLES.get(block_code, 0)
    if block_code in (6, 7):
        samples = int.from_bytes(header[position : position + block_code - 5], "big") + 1
        position += block_code - 5
    rate_hz = _SAMPLE_RATES_HZ[rate_code] if rate_code < len(_SAMPLE_RATES_HZ) else 0
    if rate_code > 11:
        # In kHz on one byte, in Hz or in tens of Hz on two.
        rate_bytes, unit_hz = ((1, 1000), (2, 1), (2, 10))[rate_code - 12]
        rate_hz = unit_hz * int.from_bytes(header[position : position + rate_bytes], "big")
        position += rate_bytes
    if position >= len(header) or _crc8(header[:position]) != header[position]:
        return None
    channels = 2 if assignment >= 8 else assignment + 1
    return _Frame(offset + start, number, samples, rate_hz or info.sample_rate_hz, channels)


def _is_whole_frame(data: bytes) -> bool:
    """Whether the CRC-16 behind a frame (section 9.3) is met where `data` end, or where something that is known begins.

    In long frames it is met by chance at other places too.
    """
    spend(len(data) // _CHECKSUM_BYTES_A_STEP)
    crc = 0
    for position, byte in enumerate(data, 1):
        crc = (crc << 8 & 0xFFFF) ^ _CRC16[crc >> 8 ^ byte]
        if not crc and _BEHIND_FRAMES.match(data, position):
            return True
    return False


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc_row(value: int, bits: int, polynomial: int) -> int:
    value <<= bits - 8
    for _ in range(8):
        value = value << 1 ^ polynomial if value >> (bits - 1) else value << 1
    return value


_CRC8 = bytes(_crc_row(value, 8, 0x107) for value in range(256))
_CRC16 = tuple(_crc_row(value, 16, 0x18005) for value in range(256))
