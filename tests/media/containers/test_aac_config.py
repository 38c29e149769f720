"""AudioSpecificConfig, bit by bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.media.containers.aac import AacConfig, parse_config


def config(*fields: tuple[int, int]) -> bytes:
    """Bytes of (value, number of bits), filled up with zeros."""
    value = bits = 0
    for number, width in fields:
        value, bits = value << width | number, bits + width
    padding = -bits % 8
    return (value << padding).to_bytes((bits + padding) // 8, "big")


LC, SBR, PS, ESCAPE = (2, 5), (5, 5), (29, 5), (31, 5)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (config(LC, (4, 4), (2, 4)), AacConfig(44100, 2)),
        (config(LC, (3, 4), (1, 4)), AacConfig(48000, 1)),
        (config(LC, (0, 4), (7, 4)), AacConfig(96000, 8)),
        (config(LC, (12, 4), (6, 4)), AacConfig(7350, 6)),
        (config(LC, (4, 4), (0, 4)), AacConfig(44100, None)),
        (config(LC, (13, 4), (2, 4)), AacConfig(None, 2)),
        (config(LC, (15, 4), (12345, 24), (2, 4)), AacConfig(12345, 2)),
        (config(LC, (15, 4), (0, 24), (2, 4)), AacConfig(None, 2)),
        (config(SBR, (7, 4), (2, 4), (4, 4), LC), AacConfig(44100, 2)),
        (config(PS, (7, 4), (1, 4), (4, 4), LC), AacConfig(44100, 2)),
        (config(SBR, (7, 4), (1, 4), (15, 4), (50000, 24), LC), AacConfig(50000, 1)),
        (config(ESCAPE, (10, 6), (3, 4), (2, 4)), AacConfig(48000, 2)),
        (config(LC, (7, 4), (2, 4), (0, 3), (0x2B7, 11), SBR, (1, 1), (4, 4)), AacConfig(44100, 2)),
        (config(LC, (7, 4), (2, 4), (0, 3), (0x2B7, 11), SBR, (0, 1), (4, 4)), AacConfig(22050, 2)),
        (config(LC, (7, 4), (2, 4), (0, 3), (0x2B6, 11), SBR, (1, 1), (4, 4)), AacConfig(22050, 2)),
    ],
)
def test_configurations(data: bytes, expected: AacConfig) -> None:
    assert parse_config(data) == expected


@pytest.mark.parametrize("data", [b"", b"\x12"])
def test_too_short(data: bytes) -> None:
    assert parse_config(data) is None


@given(st.binary(min_size=2, max_size=40))
def test_any_bytes(data: bytes) -> None:
    found = parse_config(data)
    assert found is not None
    assert found.channels is None or 1 <= found.channels <= 24
    assert found.sample_rate_hz is None or 0 < found.sample_rate_hz < 1 << 24
