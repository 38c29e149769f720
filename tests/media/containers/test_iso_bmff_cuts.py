"""MP4 and QuickTime that lack bytes at their end: decided by where the samples lie, not by what boxes claim."""

from __future__ import annotations

import functools
import struct
from typing import Any

import pytest
from box_surgery import box, find, find_all, number_at, put, replace_box
from media_making import close_enough, demuxed, make_mp4, remuxed
from plan_driving import Driven, drive

from beam_tuning.media.containers import iso_bmff
from beam_tuning.media.info import MediaKind

STBL = "moov/trak/mdia/minf/stbl/"


@functools.cache
def moov_first(**options: Any) -> bytes:
    return make_mp4(faststart=True, **options)


def last_sample_bytes(data: bytes) -> int:
    """The size of the sample that lies last in the file."""
    with_end = [
        (number_at(data, offsets.stop - 4), number_at(data, sizes.stop - 4))
        for offsets, sizes in zip(find_all(data, STBL + "stco"), find_all(data, STBL + "stsz"), strict=True)
    ]
    return max(with_end)[1]


def longer_mdat(data: bytes, more: int) -> bytes:
    mdat = find(data, "mdat")
    return put(data, mdat.start, mdat.stop - mdat.start + more)


def read(data: bytes) -> Driven:
    driven = drive(iso_bmff, data)
    assert driven.requests <= 2
    return driven


@pytest.mark.parametrize("more", [1, 8, 1000, 2**31])
@pytest.mark.parametrize("codecs", [{}, {"video": None}, {"audio": None}], ids=str)
def test_a_box_that_claims_too_much_is_whole_when_all_samples_are_there(codecs: dict[str, Any], more: int) -> None:
    whole = moov_first(duration_s=2, **codecs)
    data = longer_mdat(whole, more)
    info = read(data).info
    assert info.truncated is None
    assert info.tail_cut == (
        f"box mdat ends at byte {len(data) + more}, the object at byte {len(data)}; all samples are there"
    )
    expected = drive(iso_bmff, whole).info
    assert (info.duration_s, info.streams) == (expected.duration_s, expected.streams)
    assert close_enough(info.duration_s, demuxed(data).duration_s)


def test_a_trailing_box_that_claims_too_much_is_no_loss() -> None:
    data = moov_first(duration_s=2) + struct.pack(">I4s", 500, b"free") + bytes(30)
    info = drive(iso_bmff, data).info
    assert info.truncated is None
    assert "box free" in str(info.tail_cut)
    assert close_enough(info.duration_s, 2)


@pytest.mark.parametrize("missing", ["one byte", "all but one", "all"])
def test_a_last_sample_that_lacks_bytes_is_a_cut_tail(missing: str) -> None:
    whole = moov_first(duration_s=4, video=None, audio="libmp3lame")
    sample_bytes = last_sample_bytes(whole)
    assert sample_bytes > 100
    cut = whole[: -{"one byte": 1, "all but one": sample_bytes - 1, "all": sample_bytes}[missing]]
    info = read(cut).info
    assert info.truncated is None
    assert info.tail_cut == (
        f"box mdat ends at byte {len(whole)}, the object at byte {len(cut)}; less than 0.1 s is missing"
    )
    assert close_enough(info.duration_s, demuxed(cut).duration_s)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_media_that_are_cut_tell_the_length_that_their_tables_say(kept: float) -> None:
    whole = moov_first(duration_s=8)
    info = read(whole[: int(len(whole) * kept)]).info
    assert info.truncated is not None
    assert info.duration_s is None
    assert {stream.duration_s for stream in info.streams} == {None}
    length_s = drive(iso_bmff, whole).info.duration_s
    assert info.duration_unknown == f"the object is cut off; whole it would last {length_s:.3f} s by its header"


@pytest.mark.parametrize(("missing_s", "is_cut"), [(0.05, False), (0.2, True)])
def test_samples_of_sound_are_many_and_short(missing_s: float, is_cut: bool) -> None:
    whole = moov_first(container="mov", video=None, audio="pcm_s16le", duration_s=2, channels=2)
    cut = whole[: -round(missing_s * 44100 * 4)]
    info = read(cut).info
    assert (info.truncated is not None) is is_cut
    assert (info.tail_cut is not None) is not is_cut
    assert close_enough(info.duration_s, 2) is not is_cut


def test_sizes_of_one_byte_may_stand_for_any_size() -> None:
    # QuickTime's own writers say 1 for samples of sound. Where these end is not known then: what the box claims counts.
    whole = moov_first(container="mov", video=None, audio="pcm_s16le", duration_s=2)
    data = longer_mdat(put(whole, find(whole, STBL + "stsz").body + 4, 1), 8)
    assert drive(iso_bmff, data).info.truncated is not None


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("more", "missing"), [(8, 0), (0, 3), (0, 3000)])
def test_compact_sizes(bits: int, more: int, missing: int) -> None:
    whole = moov_first(duration_s=2, video=None, audio="libopus", sample_rate_hz=48000)
    sizes = find(whole, STBL + "stsz")
    count = number_at(whole, sizes.body + 8)
    fields = [number_at(whole, sizes.body + 12 + 4 * number) & (1 << bits) - 1 for number in range(count)]
    compact = box(b"stz2", struct.pack(f">III{count}{'B' if bits == 8 else 'H'}", 0, bits, count, *fields))
    filler = sizes.stop - sizes.start - len(compact)
    data = replace_box(whole, STBL + "stsz", compact + box(b"free", bytes(filler - 8)))
    data = longer_mdat(data, more)
    data = data[: len(data) - missing]
    info = drive(iso_bmff, data).info
    if bits == 16:
        assert (info.tail_cut is None) is (missing == 3000)
    assert (info.truncated is None) is (info.tail_cut is not None)


def test_offsets_of_64_bits() -> None:
    whole = moov_first(duration_s=2, video=None)
    offsets = find(whole, STBL + "stco")
    count = number_at(whole, offsets.body + 4)
    more = 4 * count
    wide = struct.pack(
        f">II{count}Q", 0, count, *(number_at(whole, offsets.body + 8 + 4 * n) + more for n in range(count))
    )
    data = replace_box(whole, STBL + "stco", box(b"co64", wide))
    assert drive(iso_bmff, longer_mdat(data, 8)).info.tail_cut is not None
    assert drive(iso_bmff, data[:-2000]).info.truncated is not None


@pytest.mark.parametrize("count", [0, 2**32 - 1])
@pytest.mark.parametrize("table", ["stsz", "stsc", "stco"])
@pytest.mark.parametrize("offset", [4, 8])
def test_tables_that_lie_end_soon(table: str, offset: int, count: int) -> None:
    data = longer_mdat(moov_first(duration_s=2, video=None), 8)
    driven = drive(iso_bmff, put(data, find(data, STBL + table).body + offset, count))
    assert driven.steps < 10_000


def test_a_moov_box_that_lacks_only_its_last_words_is_whole() -> None:
    whole = make_mp4(duration_s=2, metadata={"title": "a title of some length"})
    words = find(whole, "moov/udta")
    assert words.stop == len(whole)
    for cut in (whole[:-1], whole[: words.body], whole[: words.body + 9]):
        info = drive(iso_bmff, cut).info
        assert info.truncated is None
        assert info.tail_cut == f"box moov ends at byte {len(whole)}, the object at byte {len(cut)}"
        assert close_enough(info.duration_s, 2)


@pytest.mark.parametrize("missing", [1, 500, 1500])
def test_a_moov_box_that_lacks_tables_is_cut(missing: int) -> None:
    whole = make_mp4(duration_s=2)
    end_of_tracks = find_all(whole, "moov/trak")[-1].stop
    info = drive(iso_bmff, whole[: end_of_tracks - missing]).info
    assert "box moov" in str(info.truncated)
    assert info.duration_s is None
    # Where the cut lies between two boxes, a track may be missing as well.
    between = find_all(whole, "moov/trak")[0].stop
    assert drive(iso_bmff, whole[:between]).info.truncated is not None


# -- Fragments -------------------------------------------------------------------------------------------------------


@functools.cache
def fragmented(flags: str = "+frag_keyframe+empty_moov+default_base_moof", duration_s: float = 6) -> bytes:
    data = make_mp4(
        duration_s=duration_s, size_px=(160, 120), video_options={"preset": "ultrafast", "g": "25", "crf": "8"}
    )
    return remuxed(data, "mp4", movflags=flags)


LAYOUTS = [
    "+frag_keyframe+empty_moov+default_base_moof",
    "+frag_keyframe+empty_moov",
    "+frag_keyframe+empty_moov+separate_moof",
    "+frag_keyframe+empty_moov+omit_tfhd_offset",
    "+frag_every_frame+empty_moov",
    "+cmaf",
]


@pytest.mark.parametrize("flags", LAYOUTS)
def test_a_last_fragment_that_claims_too_much_is_whole_when_all_samples_are_there(flags: str) -> None:
    whole = fragmented(flags + "+skip_trailer")
    last = find_all(whole, "mdat")[-1]
    info = drive(iso_bmff, put(whole, last.start, last.stop - last.start + 8)).info
    assert info.truncated is None
    assert info.tail_cut == (
        f"the last fragment ends at byte {len(whole) + 8}, the object at byte {len(whole)}; all samples are there"
    )
    assert info.duration_s == drive(iso_bmff, whole).info.duration_s


@pytest.mark.parametrize("flags", LAYOUTS)
def test_a_last_fragment_whose_last_sample_lacks_bytes_is_a_cut_tail(flags: str) -> None:
    whole = fragmented(flags + "+skip_trailer")
    info = drive(iso_bmff, whole[:-3]).info
    assert info.truncated is None
    assert "only the last sample lacks bytes" in str(info.tail_cut)
    assert close_enough(info.duration_s, demuxed(whole[:-3]).duration_s)


@pytest.mark.parametrize("flags", LAYOUTS[:4])
def test_a_last_fragment_that_lacks_many_samples_is_cut(flags: str) -> None:
    whole = fragmented(flags + "+skip_trailer")
    video = [mdat for mdat in find_all(whole, "mdat") if mdat.stop - mdat.start > 20_000][-1]
    info = drive(iso_bmff, whole[: video.start + 5000]).info
    assert info.truncated is not None
    assert info.tail_cut is None
    assert info.duration_s is None


def test_a_cut_within_a_fragments_own_box_is_a_cut() -> None:
    whole = fragmented()
    moof = find_all(whole, "moof")[-1]
    assert drive(iso_bmff, whole[: moof.stop - 10]).info.truncated is not None


def test_a_cut_index_costs_no_media() -> None:
    whole = fragmented()
    index = find(whole, "mfra")
    info = drive(iso_bmff, whole[: index.stop - 20]).info
    assert info.truncated is None
    assert info.tail_cut is not None
    assert close_enough(info.duration_s, 6)


@pytest.mark.parametrize("flags", ["+frag_keyframe", "+frag_keyframe+empty_moov"])
@pytest.mark.parametrize("between", [b"", box(b"free", bytes(70_000)), box(b"free", bytes(9)) * 2])
def test_fragments_that_nothing_announces_make_the_length_unknown(flags: str, between: bytes) -> None:
    # FFmpeg plays what moov describes, 1 s of 6 or nothing; others play the fragments as well.
    data = fragmented(flags)
    data = put(data, find(data, "moov/mvex").start + 4, b"free")
    first = find_all(data, "moof")[0]
    data = data[: first.start] + between + data[first.start :]
    driven = drive(iso_bmff, data)
    assert driven.info.duration_s is None
    assert "does not announce" in str(driven.info.duration_unknown)
    assert {stream.duration_s for stream in driven.info.streams} == {None}
    assert driven.requests <= 4


def test_boxes_behind_the_media_cost_a_small_read_each() -> None:
    data = moov_first(duration_s=20) + box(b"free", bytes(100_000)) + box(b"uuid", bytes(100_000))
    driven = drive(iso_bmff, data)
    assert close_enough(driven.info.duration_s, 20)
    assert driven.requests <= 3
    assert driven.read_bytes <= 64 * 1024 + 2 * 64


# -- Lengths of streams ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["", "+faststart", *LAYOUTS])
@pytest.mark.parametrize(("video_s", "audio_s"), [(6, 6), (6, 2), (2, 6)])
def test_each_stream_has_its_own_length(flags: str, video_s: float, audio_s: float) -> None:
    options = {"preset": "ultrafast", "g": "25"}
    data = make_mp4(duration_s=video_s, audio_duration_s=audio_s, video_options=options, muxer_flags=flags)
    lengths_s = {stream.kind: stream.duration_s for stream in drive(iso_bmff, data).info.streams}
    # AAC comes in frames of 1,024 samples, so that sound as long as its video lasts a little longer.
    is_fragmented = flags.startswith("+frag") or flags == "+cmaf"
    video = pytest.approx(video_s, abs=0.03 if is_fragmented else 0.001)
    sound = pytest.approx(audio_s, abs=0.05)
    if is_fragmented:
        assert lengths_s[MediaKind.VIDEO] in (video, None)
        assert lengths_s[MediaKind.AUDIO] in (sound, None)
        assert max(filter(None, lengths_s.values())) == pytest.approx(max(video_s, audio_s), abs=0.05)
    else:
        assert lengths_s == {MediaKind.VIDEO: video, MediaKind.AUDIO: sound}


def test_a_hair_of_sound_does_not_make_the_video_longer() -> None:
    data = make_mp4(duration_s=300, fps=1, audio_duration_s=300.032, size_px=(32, 32), sample_rate_hz=8000)
    info = drive(iso_bmff, data).info
    video, sound = info.streams
    assert video.duration_s == 300.0
    assert sound.duration_s == info.duration_s == pytest.approx(300.032, abs=0.001)
