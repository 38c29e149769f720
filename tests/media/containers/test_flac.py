"""FLAC: real files, cut and joined ones, and such as leave the number of samples out or count otherwise."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable

import pytest
from decoding import decoded_s
from flac_making import flac_file, frame, stream_info
from hypothesis import given, settings
from hypothesis import strategies as st
from media_making import close_enough, demuxed, make_media
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import flac, id3
from beam_tuning.media.info import FailureKind

made = functools.cache(make_media)
LONG = {"audio": "flac", "duration_s": 12, "channels": 2}


def without_total(data: bytes) -> bytes:
    """The number of samples has 36 bits, from the lower half of byte 21 on."""
    return data[:21] + bytes((data[21] & 0xF0,)) + bytes(4) + data[26:]


def with_block(data: bytes, kind: int, payload: bytes) -> bytes:
    return data[:42] + bytes((kind,)) + len(payload).to_bytes(3, "big") + payload + data[42:]


@pytest.mark.parametrize("sample_rate_hz", [8000, 16000, 22050, 44100, 48000, 96000, 11025])
@pytest.mark.parametrize("channels", [1, 2])
def test_whole_files(sample_rate_hz: int, channels: int) -> None:
    data = make_media("flac", audio="flac", sample_rate_hz=sample_rate_hz, channels=channels, duration_s=1.7)
    assert_as_demuxed(drive(flac, data), data)


@pytest.mark.parametrize("duration_s", [0.01, 0.1, 12])
def test_the_end_of_the_object_costs_one_read(duration_s: float) -> None:
    data = make_media("flac", audio="flac", duration_s=duration_s, channels=2)
    driven = drive(flac, data)
    assert_as_demuxed(driven, data)
    assert driven.requests <= 2


def test_a_file_written_into_a_pipe() -> None:
    data = make_media("flac", audio="flac", duration_s=12, channels=2, seekable=False)
    driven = drive(flac, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == 2


def test_no_total() -> None:
    data = without_total(made("flac", **LONG))
    assert drive(flac, data).info.duration_s == 12.0


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9, 0.97])
def test_a_cut_file_is_as_long_as_what_is_there(kept: float) -> None:
    data = made("flac", **LONG)
    cut = data[: int(len(data) * kept)]
    info = drive(flac, cut).info
    assert close_enough(info.duration_s, demuxed(cut).duration_s)
    assert info.truncated is not None
    assert "STREAMINFO declares 529200 samples" in info.truncated
    assert f"ends at byte {len(cut)} with" in info.truncated
    assert info.tail_cut is None


def test_where_a_cut_file_ends_is_told_of_the_object_not_of_what_follows_a_tag() -> None:
    tag = b"ID3\x04\0\0\0\0\x08\0" + bytes(1024)
    cut = tag + made("flac", **LONG)[:150_000]
    assert f"ends at byte {len(cut)} with" in str(drive(id3, cut).info.truncated)


def test_a_small_cut_file() -> None:
    data = made("flac", audio="flac", duration_s=1)
    info = drive(flac, data[: len(data) // 2]).info
    assert info.truncated is not None
    assert close_enough(info.duration_s, demuxed(data[: len(data) // 2]).duration_s)


def test_pictures_in_front_cost_nothing() -> None:
    data = with_block(made("flac", **LONG), 6, bytes(3_000_000))
    driven = drive(flac, data)
    assert driven.info.duration_s == 12.0
    assert driven.read_bytes < 140_000


def test_a_tag_behind_the_frames_does_not_hide_them() -> None:
    data = made("flac", **LONG) + b"TAG" + bytes(125)
    info = drive(flac, data).info
    assert (info.duration_s, info.truncated) == (12.0, None)


def test_much_behind_the_frames_costs_a_longer_read() -> None:
    data = made("flac", **LONG) + bytes(200_000)
    driven = drive(flac, data)
    assert driven.info.duration_s == 12.0
    assert driven.requests == 3


def test_what_is_left_of_a_file_is_counted_where_none_is_at_the_end() -> None:
    left = made("flac", **LONG)[:20_000]
    info = drive(flac, left + bytes(2_000_000)).info
    assert close_enough(info.duration_s, demuxed(left).duration_s)
    assert info.truncated is not None


def test_no_frame_at_all_is_no_length() -> None:
    info = drive(flac, made("flac", **LONG)[:42] + bytes(100_000)).info
    assert info.duration_s is None
    assert info.duration_unknown == "no frame was found in the object"


def test_sync_words_that_are_no_frames_are_not_believed() -> None:
    lure = bytes.fromhex("fff8c9c87f00") + bytes(10)
    data = made("flac", **LONG) + lure * 20
    assert drive(flac, data).info.duration_s == 12.0


@pytest.mark.parametrize("length", [8, 20, 41])
def test_a_header_that_is_cut(length: int) -> None:
    assert drive(flac, made("flac", **LONG)[:length]).failure.kind is FailureKind.UNREADABLE


def test_a_sample_rate_of_zero() -> None:
    data = made("flac", **LONG)
    lying = data[:18] + bytes(2) + bytes((data[20] & 0x0F,)) + data[21:]
    assert "sample rate" in drive(flac, lying).failure.message


def test_blocks_of_no_samples_are_counted() -> None:
    data = made("flac", **LONG)
    assert drive(flac, data[:8] + bytes(4) + data[12:]).info.duration_s == 12.0


@pytest.mark.parametrize("frame_size", ["16", "192", "1000", "16384", "65535"])
def test_block_sizes_of_few_encoders(frame_size: str) -> None:
    data = make_media("flac", audio="flac", duration_s=6, channels=2, audio_options={"frame_size": frame_size})
    assert_as_demuxed(drive(flac, data), data)


@pytest.mark.parametrize("sample_rate_hz", [11025, 37800, 50000])
def test_sample_rates_that_have_no_code(sample_rate_hz: int) -> None:
    data = make_media("flac", audio="flac", sample_rate_hz=sample_rate_hz, duration_s=8, channels=2)
    assert len(data) > 65536
    assert_as_demuxed(drive(flac, data), data)


NOISE = random.Random(7)


@functools.cache
def part(seconds: float, sample_rate_hz: int = 16000, channels: int = 1, seekable: bool = True) -> bytes:
    return make_media(
        "flac",
        audio="flac",
        duration_s=seconds,
        sample_rate_hz=sample_rate_hz,
        channels=channels,
        audio_options={"frame_size": "1024"},
        seekable=seekable,
    )


@pytest.mark.parametrize("seconds", [(8, 13), (13, 8), (13, 13), (13, 13, 13), (2, 2), (30, 1), (1, 30), (13, 13.03)])
@pytest.mark.parametrize("seekable", [True, False])
def test_joined_files_are_as_long_as_they_play(seconds: tuple[float, ...], seekable: bool) -> None:
    data = b"".join(part(one, seekable=seekable) for one in seconds)
    driven = drive(flac, data)
    assert driven.info.duration_s == pytest.approx(sum(seconds))
    assert driven.info.duration_s == pytest.approx(decoded_s(data), abs=0.3)
    assert driven.info.truncated is None
    assert driven.requests <= 5


@pytest.mark.parametrize(
    "parts",
    [((8, 16000, 1), (9, 16000, 2)), ((4, 44100, 2), (11, 16000, 1)), ((5, 48000, 1), (5, 44100, 1), (5, 48000, 1))],
)
def test_joined_files_of_other_rates_and_channels(parts: tuple[tuple[float, int, int], ...]) -> None:
    data = b"".join(part(*one) for one in parts)
    info = drive(flac, data).info
    assert info.duration_s == pytest.approx(sum(one[0] for one in parts))
    assert (info.truncated, info.tail_cut) == (None, None)


@pytest.mark.parametrize(("rate_hz", "channels"), [(32000, 1), (16000, 2), (37800, 2)])
def test_a_rate_or_a_number_of_channels_that_changes_midway(rate_hz: int, channels: int) -> None:
    """Numbered through, as one encoder writes them."""
    frames = [frame(number, 4096, noise=NOISE) for number in range(20)]
    frames += [frame(number, 4096, rate_hz=rate_hz, channels=channels, noise=NOISE) for number in range(20, 60)]
    info = drive(flac, flac_file(frames, 0)).info
    assert info.duration_s == pytest.approx(20 * 4096 / 16000 + 40 * 4096 / rate_hz)


@pytest.mark.parametrize("total", [1, 4096 * 10, 4096 * 60 - 1])
def test_a_total_below_what_is_present_is_doubted(total: int) -> None:
    frames = [frame(number, noise=NOISE) for number in range(60)]
    info = drive(flac, flac_file(frames, total)).info
    assert info.duration_s == pytest.approx(60 * 4096 / 16000)
    assert (info.truncated, info.tail_cut) == (None, None)


@pytest.mark.parametrize("missing", [1, 1000, 4096])
def test_a_lost_last_frame_is_no_cut(missing: int) -> None:
    frames = [frame(number, noise=NOISE) for number in range(60)]
    info = drive(flac, flac_file(frames, 60 * 4096 + missing)).info
    assert info.duration_s == pytest.approx(60 * 4096 / 16000)
    declared = f"the last {missing} of the {60 * 4096 + missing} samples that STREAMINFO declares"
    assert (info.truncated, info.tail_cut) == (None, f"the audio lacks {declared}")


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("frames", [10, 60])
@pytest.mark.parametrize("cut_bytes", [1, 100, 8000])
def test_a_last_frame_that_is_cut_is_not_counted(total: bool, frames: int, cut_bytes: int) -> None:
    data = flac_file([frame(number, noise=NOISE) for number in range(frames)], frames * 4096 * total)
    info = drive(flac, data[:-cut_bytes]).info
    assert info.duration_s == pytest.approx((frames - 1) * 4096 / 16000)
    assert info.truncated is None
    declared = f"the last 4096 of the {frames * 4096} samples that STREAMINFO declares"
    assert info.tail_cut == (f"the audio lacks {declared}" if total else "the last frame lacks some of its last bytes")


@pytest.mark.parametrize("behind", [b"TAG" + bytes(125), bytes(3000), b"APETAGEX" + bytes(24), stream_info(9)], ids=len)
@pytest.mark.parametrize("last", [1, 4096])
def test_what_stands_behind_the_last_frame_is_no_cut(behind: bytes, last: int) -> None:
    frames = [*(frame(number, noise=NOISE) for number in range(30)), frame(30, last, noise=NOISE)]
    info = drive(flac, flac_file(frames, 0) + behind).info
    assert info.duration_s == pytest.approx((30 * 4096 + last) / 16000)
    assert info.tail_cut is None


BLOCKS = [4096, 2048, 1152, 4608, 576]


@pytest.mark.parametrize("blocks", [BLOCKS, [4096]], ids=["varying", "of one size"])
@pytest.mark.parametrize("bit", [True, False], ids=["said so", "not said"])
@pytest.mark.parametrize("total", [True, False])
def test_frames_numbered_by_their_first_sample(blocks: list[int], bit: bool, total: bool) -> None:
    """As Flake writes blocks of varying size; its first versions do not set the bit that tells, which came later."""
    sizes = list(itertools.islice(itertools.cycle(blocks), 100))
    starts = itertools.accumulate(sizes, initial=0)
    frames = [frame(start, size, counts_samples=bit, noise=NOISE) for start, size in zip(starts, sizes, strict=False)]
    data = flac_file(frames, sum(sizes) * total, min_block=min(blocks), max_block=max(blocks))
    driven = drive(flac, data)
    assert driven.info.duration_s == pytest.approx(sum(sizes) / 16000)
    assert driven.info.truncated is None
    assert driven.requests == 2


def test_frames_of_varying_size_numbered_one_by_one_are_counted() -> None:
    sizes = list(itertools.islice(itertools.cycle(BLOCKS), 100))
    frames = [frame(number, size, noise=NOISE) for number, size in enumerate(sizes)]
    info = drive(flac, flac_file(frames, 0, min_block=576, max_block=4608)).info
    assert info.duration_s == pytest.approx(sum(sizes) / 16000)


@pytest.mark.parametrize(
    ("is_loud", "requests"),
    [
        pytest.param(lambda number: 40 <= number < 360, 4, id="quiet ends"),
        pytest.param(lambda number: number < 200, 2, id="quiet end"),
        pytest.param(lambda number: not 40 <= number < 360, 2, id="quiet middle"),
    ],
)
def test_quiet_parts_do_not_make_the_whole_be_read(is_loud: Callable[[int], bool], requests: int) -> None:
    frames = [frame(number, noise=NOISE if is_loud(number) or number % 3 == 0 else None) for number in range(400)]
    driven = drive(flac, flac_file(frames, 400 * 4096))
    assert driven.info.duration_s == pytest.approx(400 * 4096 / 16000)
    assert driven.requests == requests


def test_more_bytes_than_the_largest_frames_have_are_counted() -> None:
    """Joined: the second part is as long as the first, but silent; only the bytes tell."""
    loud = [frame(number, noise=NOISE) for number in range(100)]
    uneven = [frame(number, noise=NOISE if 30 < number < 90 else None) for number in range(100)]
    first = flac_file(uneven, 100 * 4096, max_frame_bytes=len(loud[0]))
    data = first + flac_file(loud, 100 * 4096)
    assert drive(flac, data).info.duration_s == pytest.approx(200 * 4096 / 16000)


@pytest.mark.parametrize("counts_samples", [True, False])
@pytest.mark.parametrize("frames", [3, 40])
def test_a_number_that_no_object_of_this_size_can_have(counts_samples: bool, frames: int) -> None:
    step = 4096 if counts_samples else 1
    last = (1 << 31) - 9 if not counts_samples else (1 << 36) - 9 * 4096
    numbers = [*range(0, frames * step, step), last, last + step]
    made_frames = [frame(number, counts_samples=counts_samples, noise=NOISE) for number in numbers]
    info = drive(flac, flac_file(made_frames, 0)).info
    assert info.duration_s == pytest.approx(len(numbers) * 4096 / 16000)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2**36 - 1), min_size=1, max_size=30), st.integers(0, 2**36 - 1), st.booleans())
def test_no_numbering_makes_a_small_object_long(numbers: list[int], total: int, counts_samples: bool) -> None:
    data = flac_file([frame(number, counts_samples=counts_samples) for number in numbers], total)
    info = drive(flac, data, head_bytes=60).info
    assert info.duration_s is None or info.duration_s <= len(numbers) * 4096 / 16000


@pytest.mark.parametrize("number", [0, 1, 5])
def test_one_frame_alone_is_a_file_when_it_is_the_first(number: int) -> None:
    info = drive(flac, flac_file([frame(number)], 0)).info
    assert info.duration_s == (pytest.approx(0.256) if number == 0 else None)


@pytest.mark.parametrize("chunk_bytes", [1, 13, 4096])
def test_the_pieces_of_a_stream_do_not_matter(chunk_bytes: int) -> None:
    data = flac_file([frame(number) for number in range(50)], 0) + part(1)
    assert drive(flac, data, chunk_bytes=chunk_bytes, head_bytes=100).info.duration_s == pytest.approx(13.8)


def test_a_stream_info_alone_is_no_audio() -> None:
    assert drive(flac, stream_info(1000)).info.duration_s is None


@pytest.mark.parametrize(
    "head", [b"", b"fLaC", b"fLaC\x04\x00\x00\x22" + bytes(60), b"flac\x00\x00\x00\x22" + bytes(60)]
)
def test_other_bytes_are_not_flac(head: bytes) -> None:
    assert not flac.matches(head)
