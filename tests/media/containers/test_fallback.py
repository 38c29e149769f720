"""Objects that no reader knows: named, never guessed about, and told apart from what is no media at all."""

from __future__ import annotations

import gzip
import io
import os
import random
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from media_making import close_enough, demuxed, make_media
from plan_driving import Driven, drive

from beam_tuning.media import native_reads
from beam_tuning.media.containers import fallback
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.info import FailureKind, MediaKind
from beam_tuning.media.isolate import ChildPool


class _Anything:
    """The fallback as a reader that matches everything."""

    def matches(self, head: bytes) -> bool:
        return True

    def plan(self, head: bytes, size_bytes: int) -> Plan:
        return fallback.plan(head, size_bytes)


def driven(data: bytes) -> Driven:
    return drive(_Anything(), data)


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.mp4"), bytes(100))
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!DOCTYPE html><html><body>404 not found</body></html>", "an HTML page"),
        (b"\n  <HTML>", "an HTML page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (b"<Error><Code>NoSuchKey</Code></Error>", "an XML document"),
        (b'{"error": "denied"}', "a JSON document"),
        (b'[{"a": 1}]', "a JSON document"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "a playlist"),
        (gzip.compress(b"media", mtime=0), "gzip-compressed"),
        (zipped(), "a ZIP archive"),
        (bytes(5_000_000), "all zeros"),
        (b"\0", "all zeros"),
        (b"version https://git-lfs.github.com/spec/v1\n", "plain text"),
        ("Grüße, ".encode() * 9363, "plain text"),
        (("Grüße" * 13108).encode()[:65536] + b"\xff" * 10, "plain text"),
        (b"%", "plain text"),
    ],
)
def test_what_is_no_media_is_named(data: bytes, words: str) -> None:
    answer = driven(data)
    assert answer.failure.kind is FailureKind.UNREADABLE
    assert words in answer.failure.message
    # Behind zeros there may be sound.
    assert answer.requests == (2 if len(data) > 65536 and words == "all zeros" else 1)


@pytest.mark.parametrize("size_bytes", [1, 10, 300_000])
def test_noise_is_unreadable(size_bytes: int) -> None:
    answer = driven(b"\xfe\x00" + random.Random(size_bytes).randbytes(size_bytes))
    assert answer.failure.kind is FailureKind.UNREADABLE
    # Behind bytes of any kind there may be sound.
    assert answer.requests == (2 if size_bytes > 65536 else 1)


FORMATS: dict[str, tuple[dict[str, Any], str, MediaKind, bool]] = {
    "tta": ({"audio": "tta"}, "tta", MediaKind.AUDIO, False),
    "ivf": ({"video": "libvpx"}, "ivf", MediaKind.VIDEO, False),
    "mxf": ({"video": "mpeg2video", "audio": "pcm_s16le", "sample_rate_hz": 48000}, "mxf", MediaKind.VIDEO, True),
    "rm": ({"video": "rv10", "audio": "ac3"}, "realmedia", MediaKind.VIDEO, False),
    "caf": ({"audio": "pcm_s16le"}, "caf", MediaKind.AUDIO, False),
    "au": ({"audio": "pcm_s16be"}, "au", MediaKind.AUDIO, False),
    "wv": ({"audio": "wavpack"}, "wavpack", MediaKind.AUDIO, False),
    "swf": ({"video": "flv", "audio": "libmp3lame"}, "shockwave", MediaKind.VIDEO, False),
}


@pytest.mark.parametrize("duration_s", [2, 20])
@pytest.mark.parametrize("muxer", FORMATS)
def test_formats_are_named_and_their_durations_right_or_unknown(muxer: str, duration_s: int) -> None:
    options, container, kind, is_believed = FORMATS[muxer]
    data = make_media(muxer, duration_s=duration_s, **options)
    answer = driven(data)
    assert (answer.info.container, answer.info.kind) == (container, kind)
    assert answer.requests <= 4
    if is_believed:
        assert close_enough(answer.info.duration_s, demuxed(data).duration_s)
    else:
        assert answer.info.duration_s is None
        assert "an estimate" in str(answer.info.duration_unknown)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_cut_files_have_no_wrong_duration(share: float) -> None:
    # Half an MXF file has crashed the library, when it was asked for its answer where it had sought more bytes.
    options, _, _, _ = FORMATS["mxf"]
    data = make_media("mxf", duration_s=20, **options)
    info = driven(data[: int(len(data) * share)]).info
    assert info.duration_s is None
    assert info.truncated is not None


def test_codecs_are_named_as_ffmpeg_does() -> None:
    info = driven(make_media("caf", audio="alac")).info
    stream = info.streams[0]
    assert (stream.codec, stream.sample_rate_hz, stream.channels) == ("alac", 44100, 1)


CRASHING = """
import ctypes
from beam_tuning.media import mediainfo
from beam_tuning.media.isolate import serve

def answer(request):
    if b"crash" in request:
        ctypes.string_at(0)
    if b"hang" in request:
        ctypes.CDLL(None).pause()
    return mediainfo.answer(request)

serve(answer)
"""


@pytest.fixture
def crashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChildPool]:
    """libmediainfo that crashes and hangs on certain bytes."""
    (tmp_path / "child.py").write_text(CRASHING)
    pool = ChildPool((sys.executable, os.fspath(tmp_path / "child.py")), timeout_s=200)
    monkeypatch.setattr(native_reads, "children", lambda module: pool)
    yield pool
    pool.close()


def test_a_crash_of_the_library_is_the_answer_for_its_object_only(crashing: ChildPool) -> None:
    data = make_media("tta", audio="tta")
    assert driven(data).info.container == "tta"
    failure = driven(data + b"crash").failure
    assert failure.kind is FailureKind.CRASHED
    assert "SIGSEGV" in failure.message
    assert not failure.transient
    assert driven(data).info.container == "tta"


def test_a_loop_of_the_library_is_the_answer_for_its_object_only(
    crashing: ChildPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_media("tta", audio="tta")
    assert driven(data).info.container == "tta"
    with monkeypatch.context() as hasty:
        # Only once the child runs: on a busy machine its start takes longer.
        hasty.setattr(crashing, "_timeout_s", 0.5)
        failure = driven(data + b"hang").failure
    assert failure.kind is FailureKind.CRASHED
    assert failure.transient
    assert driven(data).info.container == "tta"
