"""The estimate of tokens, piece by piece."""

from __future__ import annotations

import pytest

from beam_tuning.dataset.tokens import (
    Pictures,
    TokenRates,
    TokenUsage,
    frames_of,
    picture_tokens,
    text_and_audio_tokens,
    tokens_sources,
)

LOW, HIGH = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH"
SECOND = 1_000_000_000
RATES = TokenRates(
    (3, 6),
    (25, 32),
    {None: (10, 12), LOW: (1, 2)},
    {None: (100, 120), HIGH: (1000, 1200)},
    {None: (50, 60)},
    {None: (200, 220), LOW: (20, 22)},
)


@pytest.mark.parametrize(
    ("length_ns", "fps", "frames"),
    [
        (59 * SECOND, None, 59),
        (59 * SECOND + 1, None, 60),
        (59 * SECOND, 2, 118),
        (10 * SECOND, 0.25, 3),
        (0, None, 1),
        (1, None, 1),
    ],
)
def test_frames(length_ns: int, fps: float | None, frames: int) -> None:
    assert frames_of(length_ns, fps) == frames


@pytest.mark.parametrize(
    ("text_bytes", "audio_ns", "tokens"),
    [
        (0, (), (0, 0)),
        (1, (), (0, 1)),
        (6, (), (1, 2)),
        # Lengths and tokens measured for Gemini 3.1 Flash-Lite at 25 tokens a second: 3.049 s -> 77, 30.772 s -> 770.
        (0, (3_049_000_000,), (77, 98)),
        (0, (30_772_000_000,), (770, 985)),
        (0, (3_049_000_000, 30_772_000_000), (847, 1083)),
    ],
)
def test_text_and_audio(text_bytes: int, audio_ns: tuple[int, ...], tokens: tuple[int, int]) -> None:
    assert text_and_audio_tokens(TokenUsage(text_bytes, audio_ns), RATES) == tokens


@pytest.mark.parametrize(
    ("pictures", "resolution", "part_levels", "tokens"),
    [
        ((), HIGH, False, (0, 0)),
        ((Pictures(None, 5, 0),), None, False, (50, 60)),
        ((Pictures(None, 5, 0),), LOW, False, (5, 10)),
        ((Pictures(None, 5, 2),), None, True, (250, 300)),
        ((Pictures(LOW, 5, 0),), None, True, (5, 10)),
        ((Pictures(LOW, 5, 0),), None, False, (50, 60)),
        ((Pictures(LOW, 5, 0), Pictures(None, 0, 1)), HIGH, True, (1005, 1210)),
        ((Pictures(None, 5, 0),), HIGH, False, None),
        ((Pictures(None, 0, 1),), LOW, False, None),
        ((Pictures("odd", 0, 1),), HIGH, True, None),
        ((Pictures(None, 5, 2, 3, 4),), None, False, (50 + 200 + 150 + 800, 60 + 240 + 180 + 880)),
        ((Pictures(None, pages=7),), LOW, False, (140, 154)),
        ((Pictures(None, pages=7),), HIGH, False, None),
        ((Pictures(None, small_images=1),), LOW, False, None),
    ],
)
def test_pictures(
    pictures: tuple[Pictures, ...], resolution: str | None, part_levels: bool, tokens: tuple[int, int] | None
) -> None:
    usage = TokenUsage(0, (), pictures)
    assert picture_tokens(usage, RATES, resolution, part_levels=part_levels) == tokens


def test_every_kind_has_a_formula_and_a_public_source() -> None:
    sources = tokens_sources()
    assert [source.subject for source in sources] == ["text", "audio", "video", "image", "document"]
    assert all(source.formula and source.source.startswith("https://") for source in sources)
