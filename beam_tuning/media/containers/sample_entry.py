"""Sample descriptions of MP4 and QuickTime tracks: codec, size, sample rate and channels.

ISO/IEC 14496-12 (8.5.2, 12.1.3, 12.2.3), 14496-14 (esds), 14496-15 (H.264, HEVC), the QuickTime File Format
specification (https://developer.apple.com/documentation/quicktime-file-format, sound descriptions versions 0 to 2),
ETSI TS 102 366 annex F (AC-3), and the registration authority (https://mp4ra.org).
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from beam_tuning.media.containers.aac import parse_config
from beam_tuning.media.containers.boxes import boxes, child
from beam_tuning.media.containers.flac import parse_stream_info

_U16 = Struct(">H").unpack_from
_U32 = Struct(">I").unpack_from
_F64 = Struct(">d").unpack_from

_VIDEO_CODECS = {
    b"avc1": "h264",
    b"avc2": "h264",
    b"avc3": "h264",
    b"avc4": "h264",
    b"dva1": "h264",
    b"dvav": "h264",
    b"hvc1": "hevc",
    b"hev1": "hevc",
    b"hvc2": "hevc",
    b"dvh1": "hevc",
    b"dvhe": "hevc",
    b"vvc1": "vvc",
    b"vvi1": "vvc",
    b"av01": "av1",
    b"dav1": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"mp4v": "mpeg4",
    b"s263": "h263",
    b"h263": "h263",
    b"H263": "h263",
    b"h261": "h261",
    b"jpeg": "mjpeg",
    b"mjpa": "mjpeg",
    b"AVDJ": "mjpeg",
    b"dmb1": "mjpeg",
    b"mjpb": "mjpegb",
    b"mjp2": "jpeg2000",
    b"png ": "png",
    b"m1v1": "mpeg1video",
    b"m1v ": "mpeg1video",
    b"mpeg": "mpeg1video",
    b"mp1v": "mpeg1video",
    b"m2v1": "mpeg2video",
    b"mp2v": "mpeg2video",
    b"hdv1": "mpeg2video",
    b"hdv2": "mpeg2video",
    b"hdv3": "mpeg2video",
    b"xdvb": "mpeg2video",
    b"xdvc": "mpeg2video",
    b"xd5b": "mpeg2video",
    b"apch": "prores",
    b"apcn": "prores",
    b"apcs": "prores",
    b"apco": "prores",
    b"ap4h": "prores",
    b"ap4x": "prores",
    b"AVdn": "dnxhd",
    b"AVdh": "dnxhd",
    b"dvc ": "dvvideo",
    b"dvcp": "dvvideo",
    b"dvpp": "dvvideo",
    b"dv5n": "dvvideo",
    b"dv5p": "dvvideo",
    b"SVQ1": "svq1",
    b"SVQ3": "svq3",
    b"cvid": "cinepak",
    b"IV50": "indeo5",
    b"VP6F": "vp6f",
    b"rle ": "qtrle",
    b"rpza": "rpza",
    b"smc ": "smc",
    b"XVID": "mpeg4",
    b"3IV2": "mpeg4",
    b"raw ": "rawvideo",
    b"2vuy": "rawvideo",
    b"yuv2": "rawvideo",
    b"v210": "v210",
    b"vc-1": "vc1",
    b"FFV1": "ffv1",
    b"icod": "aic",
    b"CFHD": "cfhd",
    b"Hap1": "hap",
    b"Hap5": "hap",
    b"HapY": "hap",
}

_AUDIO_CODECS = {
    b"mp4a": "aac",
    b"ac-3": "ac3",
    b"sac3": "ac3",
    b"ec-3": "eac3",
    b"ac-4": "ac4",
    b"dtsc": "dts",
    b"dtse": "dts",
    b"dtsh": "dts",
    b"dtsl": "dts",
    b"mlpa": "truehd",
    b"Opus": "opus",
    b"fLaC": "flac",
    b"alac": "alac",
    b"samr": "amr_nb",
    b"sawb": "amr_wb",
    b"sevc": "evrc",
    b"sqcp": "qcelp",
    b"Qclp": "qcelp",
    b".mp1": "mp1",
    b".mp2": "mp2",
    b".mp3": "mp3",
    b"ms\0\x55": "mp3",
    b"ms\0\x02": "adpcm_ms",
    b"ms\0\x11": "adpcm_ima_wav",
    b"sowt": "pcm_s16le",
    b"twos": "pcm_s16be",
    b"raw ": "pcm_u8",
    b"NONE": "pcm_u8",
    b"in24": "pcm_s24be",
    b"in32": "pcm_s32be",
    b"fl32": "pcm_f32be",
    b"fl64": "pcm_f64be",
    b"lpcm": "pcm_s16le",
    b"ipcm": "pcm_s16be",
    b"fpcm": "pcm_f32be",
    b"ulaw": "pcm_mulaw",
    b"alaw": "pcm_alaw",
    b"ima4": "adpcm_ima_qt",
    b"agsm": "gsm",
    b"MAC3": "mace3",
    b"MAC6": "mace6",
    b"QDM2": "qdm2",
    b"QDMC": "qdmc",
    b"spex": "speex",
    b"vrbs": "vorbis",
}

#: objectTypeIndication, where it changes the codec (https://mp4ra.org/registered-types/object-types).
_OBJECT_TYPES = {
    0x20: "mpeg4",
    0x21: "h264",
    0x23: "hevc",
    0x60: "mpeg2video",
    0x61: "mpeg2video",
    0x62: "mpeg2video",
    0x63: "mpeg2video",
    0x64: "mpeg2video",
    0x65: "mpeg2video",
    0x69: "mp3",
    0x6A: "mpeg1video",
    0x6B: "mp3",
    0x6C: "mjpeg",
    0x6D: "png",
    0x6E: "jpeg2000",
    0xA5: "ac3",
    0xA6: "eac3",
    0xA9: "dts",
    0xAD: "opus",
    0xB1: "vp9",
    0xDD: "vorbis",
    0xE1: "qcelp",
}
_AAC_OBJECT_TYPES = frozenset({0x40, 0x66, 0x67, 0x68})

_VORBIS_OBJECT_TYPE, _VORBIS_HEADER = 0xDD, b"\x01vorbis"
#: Of these, `channelcount` is a template: writers leave 2 (14496-14, 5.6.1; 3GPP TS 26.244, 6.5). The codec's own
#: configuration says it, or its first frame.
_CHANNELS_ELSEWHERE = frozenset({"aac", "alac", "mp1", "mp2", "mp3", "vorbis"})
#: Speech codecs of one channel and one sample rate (3GPP TS 26.244, 6.5; 3GPP2 C.S0050-B, 6 to 8).
_SPEECH_HZ = {"amr_nb": 8000, "amr_wb": 16000, "evrc": 8000, "qcelp": 8000}
#: ETSI TS 102 366, table 4.3 (acmod).
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)


class SampleEntry(NamedTuple):
    """One sample description; None where it does not say.

    Attributes:
      codec: FFmpeg's short name; None for a format that is not in the tables.
    """

    codec: str | None
    width_px: int | None = None
    height_px: int | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None


def video_codec(kind: bytes) -> str | None:
    """The codec of a video sample entry of that type, also as Matroska holds it (V_QUICKTIME)."""
    return _VIDEO_CODECS.get(kind)


def is_video_format(kind: bytes) -> bool:
    """Whether a sample entry of that type can only be video."""
    return kind in _VIDEO_CODECS and kind not in _AUDIO_CODECS


def is_audio_format(kind: bytes) -> bool:
    """Whether a sample entry of that type can only be audio."""
    return kind in _AUDIO_CODECS and kind not in _VIDEO_CODECS


def parse_video_entry(data: bytes, kind: bytes, body: int, stop: int) -> SampleEntry:
    """A VisualSampleEntry whose fields start at `body`."""
    children = body + 78
    if children > stop:
        return SampleEntry(_VIDEO_CODECS.get(kind))
    if kind in (b"encv", b"drmi"):
        kind = _original_format(data, children, stop) or kind
    codec = _VIDEO_CODECS.get(kind)
    if kind == b"mp4v":
        descriptor = child(data, children, stop, b"esds")
        if descriptor is not None:
            codec = _OBJECT_TYPES.get(_elementary_stream(data, *descriptor)[0], codec)
    return SampleEntry(codec, width_px=_U16(data, body + 24)[0] or None, height_px=_U16(data, body + 26)[0] or None)


def parse_audio_entry(data: bytes, kind: bytes, body: int, stop: int, stsd_version: int) -> SampleEntry:
    """An AudioSampleEntry, or a QuickTime sound description of version 0, 1 or 2, whose fields start at `body`."""
    children = body + 28
    if children > stop:
        return SampleEntry(_AUDIO_CODECS.get(kind))
    version = _U16(data, body + 8)[0]
    channels = _U16(data, body + 16)[0]
    sample_bits = _U16(data, body + 18)[0]
    sample_rate_hz = _U32(data, body + 24)[0] >> 16
    lpcm_flags = said_channels = None
    # Only QuickTime's descriptions have these versions; ISO's AudioSampleEntryV1 stands in a version 1 `stsd`.
    if stsd_version == 0 and version == 1:
        children += 16
    elif stsd_version == 0 and version == 2 and body + 64 <= stop:
        children += 36
        rate = _F64(data, body + 32)[0]
        sample_rate_hz = round(rate) if 0 < rate < 1e9 else 0
        channels = _U32(data, body + 40)[0]
        sample_bits = _U32(data, body + 48)[0]
        lpcm_flags = _U32(data, body + 52)[0]
    if kind in (b"enca", b"drms"):
        kind = _original_format(data, children, stop) or kind
    codec = _AUDIO_CODECS.get(kind)
    little_endian = False
    for found, start, end in boxes(data, children, stop):
        if found == b"wave":
            inner = child(data, start, end, b"enda")
            little_endian = inner is not None and inner[0] + 2 <= inner[1] and _U16(data, inner[0])[0] == 1
            for kind_within in (b"esds", b"alac"):
                if (inner := child(data, start, end, kind_within)) is not None:
                    found, start, end = kind_within, *inner
                    break
        if found == b"esds":
            object_type, config = _elementary_stream(data, start, end)
            if object_type in _OBJECT_TYPES:
                codec = _OBJECT_TYPES[object_type]
            if object_type in _AAC_OBJECT_TYPES and (aac := parse_config(config)) is not None:
                sample_rate_hz = aac.sample_rate_hz or sample_rate_hz
                said_channels = aac.channels
            elif object_type == _VORBIS_OBJECT_TYPE and (at := config.find(_VORBIS_HEADER)) >= 0:
                said_channels = config[at + 11] if at + 11 < len(config) else None
        elif found == b"alac" and start + 28 <= end:
            # ALACSpecificConfig behind version and flags (ALACMagicCookieDescription.txt of Apple's reference code).
            said_channels, sample_rate_hz = data[start + 13], _U32(data, start + 24)[0]
        elif found == b"dfLa" and (flac := parse_stream_info(data[start + 8 : end])) is not None:
            said_channels, sample_rate_hz = flac.channels, flac.sample_rate_hz
        elif found == b"dOps" and start + 2 <= end:
            said_channels = data[start + 1]
            sample_rate_hz = 48000  # Opus always decodes to this (RFC 6716)
        elif found == b"dac3" and start + 2 <= end:
            flags = _U16(data, start)[0]  # fscod 2, bsid 5, bsmod 3, acmod 3, lfeon 1, bit_rate_code 5 bits in 24
            said_channels = _AC3_CHANNELS[flags >> 3 & 7] + (flags >> 2 & 1)
        elif found == b"dec3" and start + 4 <= end:
            said_channels = _AC3_CHANNELS[data[start + 3] >> 1 & 7] + (data[start + 3] & 1)
        elif found == b"pcmC" and start + 6 <= end:
            little_endian, sample_bits = bool(data[start + 4] & 1), data[start + 5]
    if codec is not None and codec.startswith("pcm_"):
        codec = _pcm_codec(kind, codec, sample_bits, little_endian, lpcm_flags)
    if codec in _SPEECH_HZ:
        said_channels, sample_rate_hz = 1, _SPEECH_HZ[codec]
    if said_channels is None and codec not in _CHANNELS_ELSEWHERE:
        said_channels = channels
    return SampleEntry(codec, sample_rate_hz=sample_rate_hz or None, channels=said_channels or None)


def _pcm_codec(kind: bytes, codec: str, bits: int, little_endian: bool, lpcm_flags: int | None) -> str:
    """FFmpeg's name of raw samples: their type, width and byte order."""
    if kind in (b"ulaw", b"alaw"):
        return codec
    if lpcm_flags is not None and kind == b"lpcm":
        # kAudioFormatFlagIsFloat 1, IsBigEndian 2, IsSignedInteger 4 (Core Audio)
        letter = "f" if lpcm_flags & 1 else "s" if lpcm_flags & 4 else "u"
        little_endian = not lpcm_flags & 2
        return f"pcm_{letter}{bits}" + ("" if bits == 8 else "le" if little_endian else "be")
    if kind in (b"raw ", b"NONE"):
        return "pcm_s16be" if bits == 16 else codec
    if kind in (b"sowt", b"twos"):
        if bits == 8:
            return "pcm_s8"
        return f"pcm_s{bits}{codec[-2:]}" if bits in (24, 32) else codec
    if kind in (b"ipcm", b"fpcm"):
        codec = f"pcm_{'f' if kind == b'fpcm' else 's'}{bits}be"
    return codec[:-2] + "le" if little_endian else codec


def _original_format(data: bytes, start: int, stop: int) -> bytes | None:
    """What a protected sample entry was before (`sinf` > `frma`)."""
    protection = child(data, start, stop, b"sinf")
    original = protection and child(data, *protection, b"frma")
    return data[original[0] : original[0] + 4] if original else None


def _elementary_stream(data: bytes, start: int, stop: int) -> tuple[int, bytes]:
    """(objectTypeIndication, DecoderSpecificInfo) of an `esds` box; (0, b"") when it is damaged."""
    position = start + 4  # version and flags
    object_type = 0
    while position + 2 <= stop:
        tag = data[position]
        position += 1
        length = 0
        for _ in range(4):
            if position >= stop:
                return object_type, b""
            byte = data[position]
            position += 1
            length = length << 7 | byte & 0x7F
            if byte < 0x80:
                break
        if tag == 3:  # ES_Descriptor: id, then optional fields; its body holds the others
            if position + 3 > stop:
                break
            flags = data[position + 2]
            position += 3
            if flags & 0x80:
                position += 2
            if flags & 0x40 and position < stop:
                position += 1 + data[position]
            if flags & 0x20:
                position += 2
        elif tag == 4:  # DecoderConfigDescriptor: 13 bytes of fields, then DecoderSpecificInfo
            if position >= stop:
                break
            object_type = data[position]
            position += 13
        elif tag == 5:
            return object_type, data[position : min(position + length, stop)]
        else:
            position += length
    return object_type, b""
