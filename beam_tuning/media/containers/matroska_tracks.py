"""Tracks of Matroska and WebM (RFC 9559, 5.1.4; codec mappings: https://www.matroska.org/technical/codec_specs.html)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from beam_tuning.media.containers import sample_entry, windows_codecs
from beam_tuning.media.containers.aac import parse_config
from beam_tuning.media.containers.ebml import elements, floating, text, unsigned
from beam_tuning.media.info import MediaKind, StreamInfo

_TRACK_ENTRY = 0xAE
_NUMBER, _TYPE, _CODEC_ID, _CODEC_PRIVATE, _DEFAULT_DURATION, _UID = 0xD7, 0x83, 0x86, 0x63A2, 0x23E383, 0x73C5
_VIDEO, _WIDTH, _HEIGHT, _PROJECTION, _POSE_ROLL = 0xE0, 0xB0, 0xBA, 0x7670, 0x7675
_AUDIO, _SAMPLING_HZ, _OUTPUT_SAMPLING_HZ, _CHANNELS, _BIT_DEPTH = 0xE1, 0xB5, 0x78B5, 0x9F, 0x6264
_VIDEO_TYPE, _AUDIO_TYPE = 1, 2
_TAG, _TARGETS, _TAG_TRACK_UID, _SIMPLE_TAG, _TAG_NAME, _TAG_STRING = 0x7373, 0x63C0, 0x63C5, 0x67C8, 0x45A3, 0x4487
#: As FFmpeg and mkvmerge write it (https://www.matroska.org/technical/tagging.html, DURATION).
_CLOCK_TIME = re.compile(r"(\d{2,4}):([0-5]\d):([0-5]\d\.\d{1,9})")
#: More tracks than this are not looked at.
_MAX_TRACKS = 128

_CODECS = {
    "V_MPEG1": "mpeg1video",
    "V_MPEG2": "mpeg2video",
    "V_MPEG4/ISO/SP": "mpeg4",
    "V_MPEG4/ISO/ASP": "mpeg4",
    "V_MPEG4/ISO/AP": "mpeg4",
    "V_MPEG4/ISO/AVC": "h264",
    "V_MPEG4/MS/V3": "msmpeg4v3",
    "V_MPEGH/ISO/HEVC": "hevc",
    "V_MPEGI/ISO/VVC": "vvc",
    "V_VP8": "vp8",
    "V_VP9": "vp9",
    "V_AV1": "av1",
    "V_THEORA": "theora",
    "V_MJPEG": "mjpeg",
    "V_PRORES": "prores",
    "V_FFV1": "ffv1",
    "V_DIRAC": "dirac",
    "V_UNCOMPRESSED": "rawvideo",
    "V_REAL/RV10": "rv10",
    "V_REAL/RV20": "rv20",
    "V_REAL/RV30": "rv30",
    "V_REAL/RV40": "rv40",
    "A_MPEG/L1": "mp1",
    "A_MPEG/L2": "mp2",
    "A_MPEG/L3": "mp3",
    "A_EAC3": "eac3",
    "A_TRUEHD": "truehd",
    "A_MLP": "mlp",
    "A_VORBIS": "vorbis",
    "A_FLAC": "flac",
    "A_ALAC": "alac",
    "A_TTA1": "tta",
    "A_WAVPACK4": "wavpack",
    "A_QUICKTIME/QDM2": "qdm2",
    "A_QUICKTIME/QDMC": "qdmc",
    "A_REAL/COOK": "cook",
}
#: Codec IDs that are followed by a profile or a variant.
_CODEC_FAMILIES = {"A_AAC": "aac", "A_AC3": "ac3", "A_DTS": "dts", "A_OPUS": "opus"}


class Track(NamedTuple):
    """One TrackEntry.

    Attributes:
      stream: None for a track that is neither audio nor video.
      frame_ns: DefaultDuration; 0 when not said.
      uid: how tags name it.
    """

    number: int
    stream: StreamInfo | None
    frame_ns: int
    uid: int


def parse_tracks(data: bytes) -> list[Track]:
    """The entries of a Tracks element whose value is `data`."""
    entries = (item for item in elements(data, 0, len(data)) if item[0] == _TRACK_ENTRY)
    return [_track(data, body, stop) for (_, body, stop), _ in zip(entries, range(_MAX_TRACKS), strict=False)]


def _track(data: bytes, start: int, stop: int) -> Track:
    fields = {identifier: (body, end) for identifier, body, end in elements(data, start, stop)}
    number = unsigned(data, *fields.get(_NUMBER, (0, 0)))
    kind = unsigned(data, *fields.get(_TYPE, (0, 0)))
    frame_ns = unsigned(data, *fields.get(_DEFAULT_DURATION, (0, 0)))
    codec_id = text(data, *fields.get(_CODEC_ID, (0, 0)))
    private_start, private_stop = fields.get(_CODEC_PRIVATE, (0, 0))
    private = data[private_start:private_stop]
    stream = None
    if kind == _VIDEO_TYPE:
        video = {item[0]: item[1:] for item in elements(data, *fields.get(_VIDEO, (0, 0)))}
        stream = StreamInfo(
            MediaKind.VIDEO,
            _video_codec(codec_id, private),
            width_px=unsigned(data, *video.get(_WIDTH, (0, 0))) or None,
            height_px=unsigned(data, *video.get(_HEIGHT, (0, 0))) or None,
            rotation_deg=_rotation_deg(data, video),
            fps=1e9 / frame_ns if frame_ns else None,
        )
    elif kind == _AUDIO_TYPE:
        stream = _audio_stream(data, fields, codec_id, private)
    return Track(number, stream, frame_ns, unsigned(data, *fields.get(_UID, (0, 0))))


def parse_duration_tags(data: bytes) -> dict[int, float]:
    """By UID of a track, when its last block ends in seconds: the DURATION tags of the Tags element in `data`."""
    ends_s: dict[int, float] = {}
    for identifier, body, stop in elements(data, 0, len(data)):
        uid, end_s = 0, None
        for inner, inner_body, inner_stop in elements(data, body, stop) if identifier == _TAG else ():
            fields = {name: (start, end) for name, start, end in elements(data, inner_body, inner_stop)}
            if inner == _TARGETS:
                uid = unsigned(data, *fields.get(_TAG_TRACK_UID, (0, 0)))
            elif inner == _SIMPLE_TAG and text(data, *fields.get(_TAG_NAME, (0, 0))) == "DURATION":
                found = _CLOCK_TIME.fullmatch(text(data, *fields.get(_TAG_STRING, (0, 0))))
                end_s = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None
        if uid and end_s is not None:
            ends_s[uid] = end_s
    return ends_s


def _audio_stream(data: bytes, fields: Mapping[int, tuple[int, int]], codec_id: str, private: bytes) -> StreamInfo:
    audio = {item[0]: item[1:] for item in elements(data, *fields.get(_AUDIO, (0, 0)))}
    codec = _audio_codec(codec_id, private, unsigned(data, *audio.get(_BIT_DEPTH, (0, 0))))
    sample_rate_hz = (
        floating(data, *audio.get(_OUTPUT_SAMPLING_HZ, (0, 0)))
        or floating(data, *audio.get(_SAMPLING_HZ, (0, 0)))
        or 8000.0  # the specification's default, as is 1 for channels
    )
    channels = unsigned(data, *audio[_CHANNELS]) if _CHANNELS in audio else 1
    if codec == "opus":
        sample_rate_hz = 48000.0  # what Opus decodes to, whatever was encoded (RFC 6716)
    aac = parse_config(private) if codec == "aac" else None
    if aac is not None:
        sample_rate_hz = aac.sample_rate_hz or sample_rate_hz
        channels = aac.channels or channels
    return StreamInfo(
        MediaKind.AUDIO,
        codec,
        sample_rate_hz=round(sample_rate_hz) if 0 < sample_rate_hz < 1e9 else None,
        channels=channels or None,
    )


def _video_codec(codec_id: str, private: bytes) -> str | None:
    if codec_id == "V_MS/VFW/FOURCC" and len(private) >= 20:
        return windows_codecs.video_codec(private[16:20])
    if codec_id == "V_QUICKTIME":
        return sample_entry.video_codec(private[4:8])
    return _CODECS.get(codec_id)


def _audio_codec(codec_id: str, private: bytes, bits: int) -> str | None:
    if codec_id == "A_MS/ACM":
        wave = windows_codecs.parse_wave_format(private)
        return wave.codec if wave is not None else None
    if codec_id == "A_PCM/INT/LIT":
        return "pcm_u8" if bits == 8 else f"pcm_s{bits}le"
    if codec_id == "A_PCM/INT/BIG":
        return "pcm_s8" if bits == 8 else f"pcm_s{bits}be"
    if codec_id == "A_PCM/FLOAT/IEEE":
        return f"pcm_f{bits}le"
    return _CODEC_FAMILIES.get(codec_id.split("/", 1)[0]) or _CODECS.get(codec_id)


def _rotation_deg(data: bytes, video: Mapping[int, tuple[int, int]]) -> int:
    """Clockwise turn of the picture: ProjectionPoseRoll counts the other way round."""
    for identifier, body, stop in elements(data, *video.get(_PROJECTION, (0, 0))):
        if identifier == _POSE_ROLL:
            roll_deg = floating(data, body, stop)
            if roll_deg is not None and roll_deg in (90, -90, 180, -180):
                return round(-roll_deg) % 360
    return 0
