"""What the streams of an MPEG transport stream say of themselves: the headers in front of their pictures and sound.

Specification: ISO/IEC 13818-1 (Rec. ITU-T H.222.0), table 2-22, for what a stream calls itself.
"""

from __future__ import annotations

from beam_tuning.media.containers.ac3 import AC3
from beam_tuning.media.containers.adts import ADTS
from beam_tuning.media.containers.frames import Frame, FrameFormat, find_start, first_frame, frames_meet
from beam_tuning.media.containers.loas import LOAS, first_configured
from beam_tuning.media.containers.mp3 import MPEG_AUDIO
from beam_tuning.media.containers.mpeg_video import SEQUENCE_HEADER, parse_sequence
from beam_tuning.media.containers.parameter_sets import h264_size, hevc_size
from beam_tuning.media.info import MediaKind, StreamInfo

#: How the frames of a codec are found.
FRAME_FORMATS = {"mp2": MPEG_AUDIO, "aac": ADTS, "aac_latm": LOAS, "ac3": AC3, "eac3": AC3}
_SOUND_FORMATS = (ADTS, LOAS, AC3, MPEG_AUDIO)
_PRIVATE_STREAM_1 = 0xBD
_FIRST_AUDIO_ID, _FIRST_VIDEO_ID, _LAST_VIDEO_ID = 0xC0, 0xE0, 0xEF


def by_own_id(stream_id: int, payload: bytes) -> StreamInfo | None:
    """A stream that no map names, if its units call themselves audio or video.

    Args:
      stream_id: of its first unit.
      payload: its first bytes, from a unit's start on; may be empty.
    """
    if not _FIRST_AUDIO_ID <= stream_id <= _LAST_VIDEO_ID:
        return None
    if stream_id >= _FIRST_VIDEO_ID:
        return described(StreamInfo(MediaKind.VIDEO), payload)
    return sound_by_its_frames(stream_id, payload) or StreamInfo(MediaKind.AUDIO)


def sound_by_its_frames(stream_id: int, payload: bytes) -> StreamInfo | None:
    """The sound of a stream of which nothing but its frames says what it is; None when they do not.

    Args:
      stream_id: of its first unit. One that means audio makes two frames proof enough, or one alone.
      payload: its first bytes, from a unit's start on.
    """
    is_called_audio = _FIRST_AUDIO_ID <= stream_id < _FIRST_VIDEO_ID
    if not is_called_audio and stream_id != _PRIVATE_STREAM_1:
        return None
    for frame_format in _SOUND_FORMATS:
        start = find_start(frame_format, payload)
        if start is None and is_called_audio and frames_meet(frame_format, payload):
            start = 0
        if start is not None and (sound := _sound_at(frame_format, payload, start)) is not None:
            return sound
    return None


def described(stream: StreamInfo, payload: bytes) -> StreamInfo:
    """`stream`, whose kind and codec a map names, with what its own first bytes, `payload`, say."""
    if stream.kind is MediaKind.VIDEO:
        return _described_video(stream, payload) or stream
    frame_format = FRAME_FORMATS.get(stream.codec or "")
    if frame_format is LOAS:
        start = LOAS.sync.search(payload)
        return stream if start is None else _sound_at(LOAS, payload, start.start()) or stream
    frame = None if frame_format is None else first_frame(payload, frame_format)
    return stream if frame is None else _sound(frame)


def _sound_at(frame_format: FrameFormat, payload: bytes, start: int) -> StreamInfo | None:
    """The sound whose first frame stands at `start`."""
    if frame_format is LOAS:
        frame = first_configured(payload, start)
        # Not every frame carries a configuration, which alone tells rate and channels.
        return StreamInfo(MediaKind.AUDIO, "aac_latm") if frame is None else _sound(frame)
    frame = frame_format.parse(payload[start : start + frame_format.header_bytes])
    return None if frame is None else _sound(frame)


def _sound(frame: Frame) -> StreamInfo:
    channels = frame.channels or None
    return StreamInfo(MediaKind.AUDIO, frame.codec, sample_rate_hz=frame.sample_rate_hz, channels=channels)


def _described_video(stream: StreamInfo, payload: bytes) -> StreamInfo | None:
    if stream.codec in ("mpeg1video", "mpeg2video", None):
        start = payload.find(SEQUENCE_HEADER)
        sequence = parse_sequence(payload, start) if start >= 0 else None
        if sequence is not None:
            return sequence.stream(None)
    size_px = None
    if stream.codec in ("h264", None):
        size_px = h264_size(payload)
    elif stream.codec == "hevc":
        size_px = hevc_size(payload)
    if size_px is None:
        return None
    codec = stream.codec or "h264"
    return StreamInfo(MediaKind.VIDEO, codec, width_px=size_px[0], height_px=size_px[1])
