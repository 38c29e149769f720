"""Codec names behind the identifiers of Windows: WAVEFORMATEX and the FourCC of a BITMAPINFOHEADER.

AVI, WAV and ASF describe their streams with these two structures.
Sources: https://learn.microsoft.com/windows/win32/api/mmeapi/ns-mmeapi-waveformatex, RFC 2361 (both registries),
and the names of https://ffmpeg.org/doxygen/trunk/riff_8c_source.html.
"""

from __future__ import annotations

from typing import NamedTuple

from beam_tuning.media.containers.reading import u16le, u32le

PCM = 0x0001
FLOAT = 0x0003
EXTENSIBLE = 0xFFFE
MP3 = 0x0055

_AUDIO = {
    0x0002: "adpcm_ms",
    0x0006: "pcm_alaw",
    0x0007: "pcm_mulaw",
    0x000A: "wmavoice",
    0x0011: "adpcm_ima_wav",
    0x0031: "gsm_ms",
    0x0045: "adpcm_g726",
    0x0050: "mp2",
    MP3: "mp3",
    0x00FF: "aac",
    0x0160: "wmav1",
    0x0161: "wmav2",
    0x0162: "wmapro",
    0x0163: "wmalossless",
    0x1600: "aac",
    0x1602: "aac_latm",
    0x1610: "aac",
    0x2000: "ac3",
    0x2001: "dts",
    0x566F: "vorbis",
    0x674F: "vorbis",
    0x6750: "vorbis",
    0x6751: "vorbis",
    0x676F: "vorbis",
    0x704F: "opus",
    0xA106: "aac",
    0xF1AC: "flac",
}

_VIDEO_FOURCCS = {
    "av1": "AV01",
    "cinepak": "CVID",
    "dvvideo": "DVSD DV25 DV50 DVCS DVHD",
    "ffv1": "FFV1",
    "ffvhuff": "FFVH",
    "flv1": "FLV1",
    "h263": "H263 U263",
    "h264": "H264 X264 AVC1 DAVC SMV2 VSSH",
    "hevc": "HEVC HVC1 HEV1 H265 X265",
    "huffyuv": "HFYU",
    "indeo3": "IV31 IV32",
    "indeo5": "IV50",
    "lagarith": "LAGS",
    "magicyuv": "MAGY M8Y0 M8Y2 M8Y4 M8RG",
    "mjpeg": "MJPG AVRN JPEG LJPG IJPG",
    "mpeg1video": "MPG1 PIM1",
    "mpeg2video": "MPG2 MPEG EM2V",
    "mpeg4": "FMP4 DIVX DX50 XVID MP4S M4S2 MP4V 3IV2 3IVX RMP4 DM4V",
    "msmpeg4v1": "MPG4 MP41",
    "msmpeg4v2": "MP42 DIV2",
    "msmpeg4v3": "DIV3 MP43 DIV4 DIV5 DIV6 AP41 COL1",
    "msrle": "MRLE",
    "mss2": "MSS2",
    "msvideo1": "CRAM MSVC WHAM",
    "rawvideo": "I420 IYUV YV12 YUY2 UYVY Y800 RGB24 DIB",
    "theora": "THEO",
    "tscc": "TSCC",
    "utvideo": "ULRG ULRA ULY0 ULY2 ULH0 ULH2",
    "vc1": "WVC1 WMVA",
    "vp6": "VP60 VP61 VP62",
    "vp6f": "VP6F",
    "vp8": "VP80",
    "vp9": "VP90",
    "wmv1": "WMV1",
    "wmv2": "WMV2",
    "wmv3": "WMV3",
}
_VIDEO = {fourcc: codec for codec, fourccs in _VIDEO_FOURCCS.items() for fourcc in fourccs.split()}


def video_codec(fourcc: bytes) -> str | None:
    """FFmpeg's name of the codec that a BITMAPINFOHEADER names; compression 0 (BI_RGB) is raw video."""
    if fourcc == bytes(4):
        return "rawvideo"
    return _VIDEO.get(fourcc.decode("latin-1").strip().upper())


class WaveFormat(NamedTuple):
    """A WAVEFORMATEX; `tag` is that of the sub-format where the structure is extensible."""

    tag: int
    channels: int
    sample_rate_hz: int
    bytes_per_s: int
    block_bytes: int
    bits: int
    samples_per_block: int

    @property
    def codec(self) -> str | None:
        if self.tag == PCM:
            if self.bits <= 8:
                return "pcm_u8"
            return f"pcm_s{(self.bits + 7) // 8 * 8}le" if self.bits <= 64 else None
        if self.tag == FLOAT:
            return f"pcm_f{self.bits}le" if self.bits in (32, 64) else None
        return _AUDIO.get(self.tag)


def parse_wave_format(data: bytes) -> WaveFormat | None:
    """Reads a WAVEFORMAT, PCMWAVEFORMAT, WAVEFORMATEX or WAVEFORMATEXTENSIBLE; None when it is shorter than any."""
    if len(data) < 14:
        return None
    tag = u16le(data, 0)
    if tag == EXTENSIBLE and len(data) >= 26:
        tag = u16le(data, 24)
    # Block-coded formats (ADPCM, GSM 6.10) put the samples of a block first behind the structure (RFC 2361).
    return WaveFormat(
        tag=tag,
        channels=u16le(data, 2),
        sample_rate_hz=u32le(data, 4),
        bytes_per_s=u32le(data, 8),
        block_bytes=u16le(data, 12),
        bits=u16le(data, 14),
        samples_per_block=u16le(data, 18),
    )
