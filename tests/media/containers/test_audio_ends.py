"""Where audio of bare frames ends (inside a frame, or long before what its header declares) and begins (late)."""

from __future__ import annotations

import functools
import random
import struct
from types import ModuleType

import pytest
from decoding import decoded_s
from media_making import close_enough, demuxed, make_media
from plan_driving import drive

from beam_tuning.media.containers import ac3, adts, id3, loas, mp3, plan_for
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.info import FailureKind

made = functools.cache(make_media)
NOISE = random.Random(11)


class ByHead:
    """All readers together, as a prober asks them."""

    @staticmethod
    def matches(head: bytes) -> bool:
        return True

    @staticmethod
    def plan(head: bytes, size_bytes: int) -> Plan:
        return plan_for(head, size_bytes)


@functools.cache
def mp3_of(duration_s: float, *, header: bool, variable: bool = False) -> bytes:
    return make_media(
        "mp3",
        audio="libmp3lame",
        duration_s=duration_s,
        channels=2 if variable else 1,
        audio_options={"flags": "+qscale", "global_quality": "236"} if variable else {"b": "64k"},
        muxer_options={"id3v2_version": "0", "write_xing": str(int(header))},
    )


def tag(size_bytes: int) -> bytes:
    """An ID3v2 tag of `size_bytes` and its header of ten."""
    return b"ID3\x04\0\0" + bytes(size_bytes >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size_bytes)


FRAMED: dict[str, tuple[ModuleType, str, str]] = {
    "mp3": (mp3, "mp3", "libmp3lame"),
    "mp2": (mp3, "mp2", "mp2"),
    "aac": (adts, "adts", "aac"),
    "ac3": (ac3, "ac3", "ac3"),
    "eac3": (ac3, "eac3", "eac3"),
    "latm": (loas, "latm", "aac"),
}


@functools.cache
def framed(name: str, duration_s: float) -> bytes:
    _, container, codec = FRAMED[name]
    options = {"id3v2_version": "0", "write_xing": "0"} if name == "mp3" else {}
    return make_media(container, audio=codec, duration_s=duration_s, muxer_options=options)


@pytest.mark.parametrize("cut_bytes", [1, 2, 40, 110])
@pytest.mark.parametrize("duration_s", [2, 30])
@pytest.mark.parametrize("name", FRAMED)
def test_a_last_frame_that_lacks_some_bytes_is_no_cut(name: str, duration_s: float, cut_bytes: int) -> None:
    """A recording that was stopped: its other frames are what decoders play."""
    data = framed(name, duration_s)
    cut = data[:-cut_bytes]
    info = drive(FRAMED[name][0], cut).info
    assert info.truncated is None
    assert info.tail_cut is not None
    assert close_enough(info.duration_s, duration_s)
    assert info.duration_s == pytest.approx(decoded_s(cut, "loas" if name == "latm" else None), abs=0.1)
    assert drive(FRAMED[name][0], data).info.tail_cut is None


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.97])
@pytest.mark.parametrize("name", FRAMED)
def test_nothing_declares_a_length_so_no_more_is_known_to_be_missing(name: str, kept: float) -> None:
    cut = framed(name, 20)[: int(len(framed(name, 20)) * kept)]
    info = drive(FRAMED[name][0], cut).info
    assert close_enough(info.duration_s, demuxed(cut).duration_s if name != "latm" else decoded_s(cut, "loas"))
    assert info.truncated is None


def test_how_much_the_last_frame_lacks_is_said() -> None:
    frame = b"\xff\xfb\x94\xc0" + bytes(380)
    assert drive(mp3, (frame * 50)[:-1]).info.tail_cut == "the last frame lacks its last byte"
    assert drive(mp3, (frame * 50)[:-100]).info.tail_cut == "the last frame lacks its last 100 bytes"
    assert drive(mp3, (frame * 50)[:-381]).info.tail_cut == "the last frame lacks all but its first 3 bytes"
    assert drive(mp3, (frame * 50)[:-384]).info.tail_cut is None


@pytest.mark.parametrize(
    "junk", [b"\n", b"\0\0\0", b"\xff", b"TAG" + bytes(125), b"\xff\xfb\x94\xc0" * 20, NOISE.randbytes(3000)], ids=len
)
def test_bytes_behind_the_last_frame_are_no_cut_frame(junk: bytes) -> None:
    frame = b"\xff\xfb\x94\xc0" + bytes(380)
    info = drive(mp3, frame * 300 + b"junk" + junk).info
    assert info.duration_s == pytest.approx(300 * 0.024)
    assert (info.truncated, info.tail_cut) == (None, None)


@pytest.mark.parametrize("tag_bytes", [0, 5000, 200_000])
@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("cut_bytes", [1, 100, 300])
def test_a_little_less_than_the_encoder_counted_is_no_cut(tag_bytes: int, variable: bool, cut_bytes: int) -> None:
    audio = mp3_of(20, header=True, variable=variable)
    cut = (tag(tag_bytes) if tag_bytes else b"") + audio[:-cut_bytes]
    info = drive(id3 if tag_bytes else mp3, cut).info
    assert close_enough(info.duration_s, demuxed(audio).duration_s)
    assert info.truncated is None
    assert info.tail_cut is not None


@pytest.mark.parametrize("tag_bytes", [0, 5000, 200_000])
@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.97])
def test_much_less_than_the_encoder_counted_is_a_cut(tag_bytes: int, variable: bool, kept: float) -> None:
    """The places are those of the object, a tag in front counted in."""
    audio = mp3_of(20, header=True, variable=variable)
    front = tag(tag_bytes) if tag_bytes else b""
    cut = front + audio[: int(len(audio) * kept)]
    info = drive(id3 if tag_bytes else mp3, cut).info
    whole = len(front) + len(audio)
    declared = f"the audio that the encoder counted ends at byte {whole}, the object at byte {len(cut)}"
    assert (info.truncated, info.tail_cut) == (declared, None)
    assert close_enough(info.duration_s, decoded_s(cut))


def test_a_header_that_counts_frames_alone() -> None:
    frame = b"\xff\xfb\x94\xc0" + bytes(380)
    header = (b"\xff\xfb\x94\xc0" + bytes(17) + b"Xing" + struct.pack(">II", 1, 5000)).ljust(384, b"\0")
    cut = drive(mp3, (header + frame * 2000)[:-50]).info
    assert cut.truncated == "the encoder counted 120.0 s, the object ends after 48.0 s"
    assert cut.tail_cut is None
    # Of so many frames the size leaves no doubt, and the end is not looked at.
    assert drive(mp3, (header + frame * 5000)[:-50]).info.truncated is None


def test_frames_alone_of_a_variable_rate_are_not_believed() -> None:
    """Joined: the header of the first part stays in front, and does not say how many bytes it counted."""
    first, second = mp3_of(10, header=True, variable=True), mp3_of(4, header=False, variable=True)
    at = first.index(b"Xing") + 4
    frames_only = first[:at] + struct.pack(">I", 1) + first[at + 4 : at + 8] + bytes(108) + first[at + 116 :]
    assert close_enough(drive(mp3, frames_only + second).info.duration_s, 14)


@pytest.mark.parametrize("junk_bytes", [10_000, 60_000, 100_000, 400_000])
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("tag_bytes", [0, 2048, 100_000])
def test_mp3_behind_other_bytes(junk_bytes: int, zeros: bool, tag_bytes: int) -> None:
    """As behind a tag that says too small a size for its picture, or where a recorder left room."""
    audio = mp3_of(20, header=False)
    junk = bytes(junk_bytes) if zeros else random.Random(junk_bytes).randbytes(junk_bytes)
    driven = drive(ByHead, (tag(tag_bytes) if tag_bytes else b"") + junk + audio)
    assert driven.info.container == "mp3"
    assert close_enough(driven.info.duration_s, demuxed(audio).duration_s)
    assert driven.requests <= 4


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_cut_behind_other_bytes_is_one_of_the_object(kept: float) -> None:
    audio = mp3_of(20, header=True)
    cut = tag(2048) + random.Random(5).randbytes(100_000) + audio[: int(len(audio) * kept)]
    info = drive(id3, cut).info
    whole = 2058 + 100_000 + len(audio)
    declared = f"the audio that the encoder counted ends at byte {whole}, the object at byte {len(cut)}"
    assert info.truncated == (declared if kept == 0.5 else None)
    assert (info.tail_cut is None) == (kept == 0.5)


def test_frames_inside_something_else_are_not_taken_for_it() -> None:
    """A song in an archive: what follows it is no frame."""
    song = mp3_of(2, header=False)
    data = NOISE.randbytes(100_000) + song + NOISE.randbytes(700_000)
    for front in (b"", tag(100)):
        assert drive(ByHead, front + data).failure.kind is FailureKind.UNREADABLE


def test_a_short_sound_inside_something_small_is_not_taken_for_it() -> None:
    sound = (b"\xff\xfb\x94\xc0" + bytes(380)) * 20
    data = NOISE.randbytes(20_000) + sound + NOISE.randbytes(5_000)
    assert drive(id3, tag(100) + data).failure.kind is FailureKind.UNREADABLE
    # libmediainfo names it, and no length is believed.
    assert drive(ByHead, data).info.duration_s is None


@pytest.mark.parametrize("size_bytes", [40_000, 2_000_000])
@pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125), b"\xff\xfb\x94\xc0" + bytes(100)], ids=len)
def test_joined_parts_behind_other_bytes_are_all_counted(size_bytes: int, behind: bytes) -> None:
    frames = size_bytes // 384 // 2
    part = (b"\xff\xfb\x94\xc0" + bytes(380)) * frames
    data = NOISE.randbytes(15_000) + part + tag(9_000) + part + behind
    info = drive(ByHead, data).info
    assert info.container == "mp3"
    assert info.duration_s == pytest.approx(2 * frames * 0.024)


@pytest.mark.parametrize("junk", [b"\xff" * 700_000, b"\xff\xfb\x90\x64" * 150_000, b"\xff\xfb" * 300_000])
def test_sync_words_alone_are_no_audio(junk: bytes) -> None:
    assert drive(id3, tag(100) + junk).failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize("data", [bytes(300_000), NOISE.randbytes(300_000), NOISE.randbytes(5_000_000)], ids=len)
def test_what_holds_no_audio_costs_one_more_read(data: bytes) -> None:
    driven = drive(ByHead, data)
    assert driven.failure.kind is FailureKind.UNREADABLE
    assert driven.requests == 2
    assert driven.read_bytes <= 512 * 1024


@pytest.mark.parametrize("text", [b"<!doctype html>" + b"x" * 90_000, b"PK\x03\x04" + NOISE.randbytes(90_000)])
def test_what_is_known_to_be_something_else_is_not_searched(text: bytes) -> None:
    driven = drive(ByHead, text + mp3_of(20, header=False))
    assert driven.failure.kind is FailureKind.UNREADABLE
    assert driven.requests == 1
