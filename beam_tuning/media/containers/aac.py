"""AAC's AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), which MP4, Matroska and FLV carry."""

from __future__ import annotations

from typing import NamedTuple

#: ISO/IEC 14496-3, table 1.18 (samplingFrequencyIndex 0 to 12).
SAMPLE_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
#: ISO/IEC 14496-3, table 1.19 (channelConfiguration); 0 says that the configuration stands elsewhere.
CHANNELS = (None, 1, 2, 3, 4, 5, 6, 8, None, None, None, 7, 8, 24, 8, None)

_ESCAPE = 31
_SBR = 5
_PARAMETRIC_STEREO = 29
_SYNC_EXTENSION = 0x2B7


class AacConfig(NamedTuple):
    """What a decoder puts out: spectral band replication and parametric stereo counted in; None where not said."""

    sample_rate_hz: int | None
    channels: int | None


class CodedConfig(NamedTuple):
    """What the configuration itself says.

    Attributes:
      object_type: of the core, 2 for AAC-LC (table 1.17).
      core_rate_hz: of the samples that a frame counts; None when not said.
      has_bands: whether it says that spectral band replication follows the core.
    """

    object_type: int
    core_rate_hz: int | None
    has_bands: bool
    output: AacConfig


class Bits:
    """Bits of a short byte string, the highest first; zeros after its end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return shifted & ((1 << count) - 1)

    def left(self) -> int:
        return self._left


def parse_config(config: bytes) -> AacConfig | None:
    """The configuration in `config`; None when there are fewer than two bytes."""
    if len(config) < 2:
        return None
    bits = Bits(config[:16])
    coded = read_config(bits)
    output = coded.output
    if not coded.has_bands and bits.left() >= 3 + 11 + 5 + 1 + 4:
        # Three flags of GASpecificConfig, then the backward compatible way to say SBR (1.6.6.1).
        bits.take(3)
        if bits.take(11) == _SYNC_EXTENSION and _object_type(bits) == _SBR and bits.take(1):
            output = output._replace(sample_rate_hz=_sample_rate_hz(bits))
    return output


def read_config(bits: Bits) -> CodedConfig:
    """The configuration at the start of `bits`, up to the part that depends on the object type."""
    object_type = _object_type(bits)
    core_rate_hz = sample_rate_hz = _sample_rate_hz(bits)
    channels = CHANNELS[bits.take(4)]
    has_bands = object_type in (_SBR, _PARAMETRIC_STEREO)
    if has_bands:
        sample_rate_hz = _sample_rate_hz(bits)
        if object_type == _PARAMETRIC_STEREO and channels == 1:
            channels = 2
        object_type = _object_type(bits)
    return CodedConfig(object_type, core_rate_hz, has_bands, AacConfig(sample_rate_hz, channels))


def _object_type(bits: Bits) -> int:
    object_type = bits.take(5)
    return 32 + bits.take(6) if object_type == _ESCAPE else object_type


def _sample_rate_hz(bits: Bits) -> int | None:
    index = bits.take(4)
    if index == 15:
        return bits.take(24) or None
    return SAMPLE_RATES_HZ[index] if index < len(SAMPLE_RATES_HZ) else None
