"""Matroska and WebM that were recorded live: what browsers write, few bytes read of it, and recordings that stopped."""

from __future__ import annotations

import functools
import random
import struct

import pytest
from ebml_making import OPUS, block, cluster, element, header, info, segment, track, tracks, uint
from media_making import close_enough, demuxed, make_media, remuxed
from plan_driving import drive

from beam_tuning.media.containers import matroska
from beam_tuning.media.containers.clusters import BlockTimes, stream_clusters
from beam_tuning.media.info import MediaInfo

SIZE = element(0xE0, uint(0xB0, 640), uint(0xBA, 480))
RATE = element(0xE1, element(0xB5, struct.pack(">f", 48000)), uint(0x9F, 1))
BOTH = tracks(track(1, 1, b"V_VP8", SIZE), track(2, 2, b"A_OPUS", RATE))


@functools.cache
def browser_video(frames: int, kbits: int = 2500) -> bytes:
    """As Chromium records a camera: a cluster of no known size for each key frame, one in 100, and no duration."""
    source = random.Random(frames)
    frame_bytes = kbits * 1000 // 8 // 30
    clusters: list[bytes] = []
    blocks: list[bytes] = []
    start_ms = 0
    for number in range(frames):
        time_ms = number * 1000 // 30
        if number % 100 == 0:
            clusters += [cluster(start_ms, *blocks, size=None)] if blocks else []
            blocks, start_ms = [], time_ms
        size = 5 * frame_bytes if number % 100 == 0 else round(frame_bytes * source.uniform(0.5, 1.4))
        blocks.append(block(time_ms - start_ms, data=source.randbytes(size)))
        blocks.append(block(time_ms - start_ms, track_number=2, data=source.randbytes(300)))
    clusters.append(cluster(start_ms, *blocks, size=None))
    return header(b"webm") + segment(info(), BOTH, *clusters, size=None)


@functools.cache
def browser_sound(seconds: int, kbits: int = 128) -> bytes:
    """As Chromium records a microphone: a cluster of no known size for each 30 s."""
    source = random.Random(seconds)
    packet_bytes = kbits * 1000 // 8 // 50
    clusters = [
        cluster(
            1000 * first,
            *(block(20 * n, data=source.randbytes(packet_bytes)) for n in range(50 * min(30, seconds - first))),
            size=None,
        )
        for first in range(0, seconds, 30)
    ]
    return header(b"webm") + segment(info(), OPUS, *clusters, size=None)


@pytest.mark.parametrize("seconds", [31, 59, 60, 61, 95, 117])
@pytest.mark.parametrize("kbits", [24, 64, 128])
def test_sound_from_a_browser_costs_two_requests(seconds: int, kbits: int) -> None:
    driven = drive(matroska, browser_sound(seconds, kbits))
    assert driven.info.duration_s == pytest.approx(seconds)
    assert driven.requests == 2
    assert driven.read_bytes < 600_000
    assert driven.info.streams[0].duration_s == pytest.approx(seconds)


@pytest.mark.parametrize("frames", [110, 150, 199, 305, 333, 350, 399])
@pytest.mark.parametrize("kbits", [500, 2500])
def test_video_from_a_browser_costs_no_more_than_three(frames: int, kbits: int) -> None:
    driven = drive(matroska, browser_video(frames, kbits))
    assert driven.info.duration_s == pytest.approx(frames / 30, abs=0.04)
    assert driven.requests <= 3
    assert driven.read_bytes < (600_000 if driven.requests == 2 else 1_300_000)


def test_most_of_them_cost_two() -> None:
    driven = [drive(matroska, browser_video(frames)) for frames in range(305, 400, 10)]
    assert sum(one.requests for one in driven) <= 2.5 * len(driven)
    assert sum(one.read_bytes for one in driven) <= 850_000 * len(driven)


def test_clusters_that_say_their_size_are_found_with_it() -> None:
    # Clusters of 5 s and 750 kB each.
    source = random.Random(1)
    clusters = [
        cluster(5000 * n, *(block(40 * at, data=source.randbytes(6000)) for at in range(125))) for n in range(8)
    ]
    driven = drive(matroska, header(b"webm") + segment(info(), OPUS, *clusters, size=None))
    assert driven.info.duration_s == pytest.approx(40)
    assert driven.requests == 2


# -- Recordings that stopped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [1, 100, 5000])
def test_a_last_block_that_lacks_bytes_is_a_cut_tail(missing: int) -> None:
    whole = browser_video(150) + element(0xA3, b"\x81" + struct.pack(">hB", 1700, 0) + bytes(6000))
    cut = whole[:-missing]
    media = drive(matroska, cut).info
    assert media.truncated is None
    assert media.tail_cut == f"the last block ends at byte {len(whole)}, the object at byte {len(cut)}"
    assert media.duration_s == pytest.approx(5.05, abs=0.06)


@pytest.mark.parametrize("missing", [1, 2000])
def test_a_cluster_that_should_go_on_is_cut(missing: int) -> None:
    whole = header() + segment(
        info(), OPUS, *(cluster(1000 * n, *(block(20 * at) for at in range(50))) for n in range(9)), size=None
    )
    media = drive(matroska, whole[:-missing]).info
    assert (media.truncated is None) is (missing == 1)
    assert (media.tail_cut is None) is (missing != 1)


@functools.cache
def finished() -> bytes:
    return make_media("matroska", video="libx264", audio="aac", duration_s=20, size_px=(160, 120))


@pytest.mark.parametrize("missing", [1, 30])
def test_a_cut_index_costs_no_media(missing: int) -> None:
    whole = finished()
    assert whole.rindex(b"\x1c\x53\xbb\x6b") < len(whole) - 30
    media = drive(matroska, whole[:-missing]).info
    assert media.truncated is None
    assert media.tail_cut is not None
    assert media.tail_cut.startswith("what follows the clusters ends at byte")
    assert close_enough(media.duration_s, demuxed(whole[:-missing]).duration_s)


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_cut_segment_tells_the_length_that_its_header_declares(kept: float) -> None:
    driven = drive(matroska, finished()[: int(len(finished()) * kept)])
    assert driven.info.truncated is not None
    assert driven.info.duration_s is None
    assert driven.info.duration_unknown == "the object is cut off; whole it would last 20.023 s by its header"
    assert driven.requests <= 2


def test_a_segment_that_lacks_much_is_not_searched() -> None:
    whole = header() + segment(info(duration=60_000), OPUS, cluster(0, block(0)), element(0xEC, bytes(5 << 20)))
    driven = drive(matroska, whole[: 1 << 20])
    assert driven.info.truncated is not None
    assert driven.requests == 1


# -- Lengths of streams ----------------------------------------------------------------------------------------------


def lengths_s(media: MediaInfo) -> list[float | None]:
    return [stream.duration_s for stream in media.streams]


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("container", ["matroska", "webm"])
def test_each_stream_has_its_own_length(container: str, seekable: bool) -> None:
    media = make_media(
        container,
        video="libvpx",
        audio="libopus",
        sample_rate_hz=48000,
        duration_s=4,
        audio_duration_s=2.5,
        seekable=seekable,
    )
    driven = drive(matroska, media)
    video, sound = lengths_s(driven.info)
    assert video == pytest.approx(4, abs=0.01)
    assert sound in (pytest.approx(2.5, abs=0.1), None)
    assert driven.requests <= 2
    if seekable:
        assert sound is not None


def test_a_stream_alone_is_as_long_as_the_whole() -> None:
    media = drive(matroska, make_media("matroska", audio="flac", duration_s=3)).info
    assert lengths_s(media) == [media.duration_s]


@pytest.mark.parametrize(
    "text", ["00:00:04.000000000", "00:01:04.000000000", "4 s", "", "00:00:99.0", "\xff", "99999999:00:00.0"]
)
def test_tags_that_do_not_fit_what_info_declares_are_stale(text: str) -> None:
    whole = make_media("matroska", video="libx264", audio="aac", duration_s=4, audio_duration_s=2)
    tag = b"00:00:04.000000000"
    at = whole.index(tag)
    media = drive(matroska, whole[:at] + text.encode()[:18].ljust(18, b"\0") + whole[at + len(tag) :]).info
    assert media.duration_s == pytest.approx(4, abs=0.03)
    if text == "00:00:04.000000000":
        assert lengths_s(media) == [pytest.approx(4), pytest.approx(2, abs=0.05)]
    else:
        assert lengths_s(media) == [None, None]


def test_a_tag_counts_from_the_start_of_the_whole() -> None:
    # The sound starts at 2 s: its tag says when it ends, which is not how long it is.
    whole = make_media("matroska", video="libx264", audio="aac", duration_s=4, audio_duration_s=1, audio_start_s=2)
    assert lengths_s(drive(matroska, whole).info) == [pytest.approx(4), None]


# -- Damage in the middle --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_bytes", [7, 1000, 1 << 20])
@pytest.mark.parametrize("damage", [bytes(500), b"\xff" * 500, b"\x1f\x43\xb6\x75" * 100, b"\x1f\x43\xb6\x75\x81\x00"])
def test_damaged_bytes_are_stepped_over_to_the_next_cluster(damage: bytes, chunk_bytes: int) -> None:
    clusters = [cluster(1000 * n, *(block(20 * at) for at in range(50))) for n in range(5)]
    clusters[2] = clusters[2][:300] + damage + clusters[2][300:]
    data = b"".join(clusters)
    times = BlockTimes(1_000_000, {1: 0})
    stream_clusters((data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes)), 0, times)
    assert times.end_s == pytest.approx(5)


def test_a_remuxed_recording_agrees_with_the_live_one() -> None:
    live = remuxed(finished(), "matroska", seekable=False)
    assert drive(matroska, live).info.duration_s == pytest.approx(drive(matroska, finished()).info.duration_s, abs=0.05)
