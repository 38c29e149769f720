"""AAC's AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), which MP4, Matroska and FLV carry."""

from __future__ import annotations

from typing import NamedTuple

from beam_tuning.media.containers.bits import Bits

#: ISO/IEC 14496-3, table 1.18 (samplingFrequencyIndex 0 to 12).
SAMPLE_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
#: ISO/IEC 14496-3, table 1.19 (channelConfiguration); 0 says that the configuration stands elsewhere.
CHANNELS = (None, 1, 2, 3, 4, 5, 6, 8, None, None, None, 7, 8, 24, 8, None)

_ESCAPE = 31
_SBR = 5
_PARAMETRIC_STEREO = 29
_SYNC_EXTENSION = 0x2B7
#: Object types that GASpecificConfig describes (1.6.2.1).
_WITH_GA_CONFIG = frozenset({1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})
#: A configuration is shorter; 36 channels and a comment are the most it can tell of.
_MAX_CONFIG_BYTES = 64
#: Of 22.2, the most that a configuration names.
_MAX_CHANNELS = 24


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
      elements_follow: whether the channels are those of a program_config_element behind it.
    """

    object_type: int
    core_rate_hz: int | None
    has_bands: bool
    elements_follow: bool
    output: AacConfig


def parse_config(config: bytes) -> AacConfig | None:
    """The configuration in `config`; None when there are fewer than two bytes."""
    if len(config) < 2:
        return None
    bits = Bits(config[:_MAX_CONFIG_BYTES])
    coded = read_config(bits)
    output = coded.output
    if coded.elements_follow:
        output = output._replace(channels=_channels_of_elements(bits, coded.object_type))
    elif not coded.has_bands and bits.left() >= 3 + 11 + 5 + 1 + 4:
        # Three flags of GASpecificConfig, then the backward compatible way to say SBR (1.6.6.1).
        bits.take(3)
        if bits.take(11) == _SYNC_EXTENSION and _object_type(bits) == _SBR and bits.take(1):
            output = output._replace(sample_rate_hz=_sample_rate_hz(bits))
    return output


def read_config(bits: Bits) -> CodedConfig:
    """The configuration at the start of `bits`, up to the part that depends on the object type."""
    object_type = _object_type(bits)
    core_rate_hz = sample_rate_hz = _sample_rate_hz(bits)
    configuration = bits.take(4)
    channels = CHANNELS[configuration]
    has_bands = object_type in (_SBR, _PARAMETRIC_STEREO)
    if has_bands:
        sample_rate_hz = _sample_rate_hz(bits)
        if object_type == _PARAMETRIC_STEREO and channels == 1:
            channels = 2
        object_type = _object_type(bits)
    return CodedConfig(object_type, core_rate_hz, has_bands, configuration == 0, AacConfig(sample_rate_hz, channels))


def _channels_of_elements(bits: Bits, object_type: int) -> int | None:
    """Channels of the program_config_element (4.4.1.1) in a GASpecificConfig (4.4.1); None when there is none."""
    if object_type not in _WITH_GA_CONFIG:
        return None
    bits.take(1)
    bits.take(14 if bits.take(1) else 0)
    bits.take(1 + 4 + 2 + 4)
    elements = bits.take(4) + bits.take(4) + bits.take(4)
    low_frequency = bits.take(2)
    bits.take(3 + 4)
    for mixdown_bits in (4, 4, 3):
        bits.take(mixdown_bits if bits.take(1) else 0)
    pairs = 0
    for _ in range(elements):
        pairs += bits.take(1)
        bits.take(4)
    channels = elements + pairs + low_frequency
    return channels if 0 < channels <= _MAX_CHANNELS and bits.left() >= 0 else None


def _object_type(bits: Bits) -> int:
    object_type = bits.take(5)
    return 32 + bits.take(6) if object_type == _ESCAPE else object_type


def _sample_rate_hz(bits: Bits) -> int | None:
    index = bits.take(4)
    if index == 15:
        return bits.take(24) or None
    return SAMPLE_RATES_HZ[index] if index < len(SAMPLE_RATES_HZ) else None
