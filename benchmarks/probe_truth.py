"""What is true of the corpus: lengths by demuxing every packet (PyAV), and the fewest dependent reads that can tell.

The truth is kept in `FOLDER/truth.json`, so it is worked out once.
"""

from __future__ import annotations

import contextlib
import json
from fractions import Fraction
from pathlib import Path

import av
from probe_corpus import ODD_GROUPS, STREAMED_GROUPS, CorpusFile

from beam_tuning.media.containers.plan import HEAD_BYTES

_ATTACHED_PICTURE = 0x400

#: Groups that hold the answer, or one half of it, at their end: a place known from the size, so a second read.
_TWO_READS = frozenset(
    {"mp4 fragmented", "mpeg-ps", "mpeg-ts", "ogg", "flac", "flv", "flv without duration"} | STREAMED_GROUPS
)


def demuxed_s(path: Path) -> float | None:
    """The last packet's end less the first packet's start, if that is after 0; None when nothing can be demuxed."""
    start: Fraction | None = None
    end: Fraction | None = None
    with contextlib.suppress(av.error.FFmpegError), av.open(str(path), metadata_errors="ignore") as media:
        streams = [
            stream
            for stream in media.streams
            if stream.type in ("audio", "video") and not int(stream.disposition) & _ATTACHED_PICTURE
        ]
        for packet in media.demux(streams) if streams else ():
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None:
                first, last = time * packet.time_base, (time + (packet.duration or 0)) * packet.time_base
                start, end = min(first, start or first), max(last, end or last)
    return None if start is None or end is None else float(end - max(Fraction(0), start))


def truths(folder: Path, files: list[CorpusFile]) -> dict[str, float | None]:
    """Seconds of each file by name."""
    av.logging.set_level(None)
    kept = folder / "truth.json"
    known: dict[str, float | None] = json.loads(kept.read_text()) if kept.exists() else {}
    for file in files:
        if file.name not in known:
            known[file.name] = demuxed_s(folder / file.name)
    kept.write_text(json.dumps(known, indent=1))
    return known


def verdict(found_s: float | None, truth_s: float | None) -> str:
    """`right` within half a second or half a percent, the larger; `unknown` where nothing is claimed; else `wrong`."""
    if found_s is None:
        return "unknown"
    if truth_s is None:
        return "wrong"
    return "right" if abs(found_s - truth_s) <= max(0.5, 0.005 * truth_s) else "wrong"


def least_rounds(file: CorpusFile, path: Path) -> int | None:
    """The fewest dependent reads after which the length is certain, when the first takes 64 KiB; None for odd files.

    One where the head tells it. One more where the answer lies at a place that the head or the size gives: a `moov` box
    beyond the head, the last time stamps, the end of a large tag, all frames that have to be counted. FLAC, FLV and MP3
    of constant rate without header are among these: nothing in their heads says for certain what the rest holds.
    """
    if file.group in ODD_GROUPS:
        return None
    size_bytes = path.stat().st_size
    if size_bytes <= HEAD_BYTES:
        return 1
    rounds = 1
    if file.group == "mp3 with cover":
        # The tag is longer than the head; without a header behind it, the audio's rate has to be borne out too.
        return 3 if "_cbr_" in file.name else 2
    if file.group == "mkv without duration":
        # One of them is a live stream, whose header leaves the duration out; the others' muxer put the length in a tag.
        return 2 if "_live_" in file.name else 1
    if file.group in _TWO_READS or _end_of_moov(path) > HEAD_BYTES:
        rounds += 1
    return rounds


def _end_of_moov(path: Path) -> int:
    """Where the `moov` box of an MP4 file ends; 0 for other files."""
    with path.open("rb") as media:
        position = 0
        while len(header := media.read(16)) >= 8:
            size = int.from_bytes(header[:4], "big")
            if size == 1:
                size = int.from_bytes(header[8:16], "big")
            if size < 8 or not header[4:8].isalnum():
                return 0
            position += size
            if header[4:8] == b"moov":
                return position
            media.seek(position)
    return 0
