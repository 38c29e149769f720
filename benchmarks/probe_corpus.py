"""Builds the probe corpus: 122 media files of 1 s to 90 min, 26 of them damaged or misnamed (1.5 GB; needs ffmpeg).

    python benchmarks/probe_corpus.py FOLDER

A file that stands is kept, so a broken build goes on where it stopped. `FOLDER/corpus.json` lists name, group and
nominal length of each file.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

#: Groups whose header does not hold the length: every byte has to be read.
STREAMED_GROUPS = frozenset(
    {"aac adts", "ac3", "mp3 cbr", "mp3 vbr without header", "flac without total", "mpeg-1 video es"}
)
#: Groups of files that are broken, are no media or bear a wrong name.
ODD_GROUPS = frozenset({"damaged", "not media", "misnamed"})

_FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"
_X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
_REALTIME = ("-deadline", "realtime", "-cpu-used", "8")


class CorpusFile(NamedTuple):
    """One file of the corpus; `nominal_s` is what was asked of the encoder, None for files that are no media."""

    name: str
    group: str
    nominal_s: float | None


class _Recipe(NamedTuple):
    file: CorpusFile
    make: Callable[[Path], None]


def _ffmpeg(arguments: list[str | Path], to_pipe: Path | None = None) -> None:
    command = ["nice", "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, arguments)]
    if to_pipe is None:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return
    with to_pipe.open("wb") as out:
        # No muxer can seek in a pipe, so none can go back and fill in sizes and lengths.
        producer = subprocess.Popen([*command, "pipe:1"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert producer.stdout is not None
        while block := producer.stdout.read(1 << 20):
            out.write(block)
        if producer.wait():
            raise subprocess.CalledProcessError(producer.returncode, command)


class _Corpus:
    """The table of recipes; a recipe may read sources and earlier files of the corpus."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = folder.with_name(folder.name + "-sources")
        self.recipes: list[_Recipe] = []

    def encode(self, name: str, group: str, nominal_s: float, *arguments: str | Path) -> None:
        self.recipes.append(_Recipe(CorpusFile(name, group, nominal_s), lambda out: _ffmpeg([*arguments, out])))

    def pipe(self, name: str, group: str, nominal_s: float, *arguments: str | Path) -> None:
        self.recipes.append(_Recipe(CorpusFile(name, group, nominal_s), lambda out: _ffmpeg([*arguments], out)))

    def loop(self, source: Path, name: str, group: str, nominal_s: float, *options: str) -> None:
        """`source` repeated for `nominal_s` seconds, streams copied."""
        repeat = ("-stream_loop", "-1", "-i", source, "-t", str(nominal_s), "-c", "copy")
        self.encode(name, group, nominal_s, *repeat, *options)

    def alter(self, of: str, name: str, group: str, nominal_s: float | None, change: Callable[[bytes], bytes]) -> None:
        def make(out: Path) -> None:
            out.write_bytes(change((self.folder / of).read_bytes()))

        self.recipes.append(_Recipe(CorpusFile(name, group, nominal_s), make))

    def literal(self, name: str, content: Callable[[], bytes]) -> None:
        def make(out: Path) -> None:
            out.write_bytes(content())

        self.recipes.append(_Recipe(CorpusFile(name, "not media", None), make))

    def source(self, name: str, *arguments: str | Path) -> Path:
        path = self.sources / name
        if not path.exists():
            self.sources.mkdir(parents=True, exist_ok=True)
            partial = path.with_name("partial." + name)
            _ffmpeg([*arguments, partial])
            partial.rename(path)
        return path


def _describe(folder: Path) -> _Corpus:
    corpus = _Corpus(folder)
    _describe_video(corpus)
    _describe_audio(corpus)
    _describe_damaged(corpus)
    return corpus


def _describe_video(corpus: _Corpus) -> None:
    pattern = ("-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=20")
    noise = ("-f", "lavfi", "-i", "nullsrc=s=320x180:r=25:d=20,geq=random(1)*255:128:128")
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=20")
    h264 = corpus.source(
        "h264.mp4",
        *pattern,
        *tone,
        *_X264,
        "-preset",
        "veryfast",
        "-b:v",
        "200k",
        "-g",
        "50",
        "-c:a",
        "aac",
        "-b:a",
        "64k",
        "-shortest",
    )
    heavy = corpus.source(
        "heavy.mp4",
        *noise,
        *tone,
        *_X264,
        "-preset",
        "ultrafast",
        "-b:v",
        "6M",
        "-maxrate",
        "6M",
        "-bufsize",
        "6M",
        "-c:a",
        "aac",
        "-shortest",
    )
    small = corpus.source(
        "small.mp4",
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=160x90:rate=10:duration=60",
        "-f",
        "lavfi",
        "-i",
        "sine=sample_rate=16000:duration=60",
        *_X264,
        "-preset",
        "veryfast",
        "-b:v",
        "20k",
        "-c:a",
        "aac",
        "-b:a",
        "16k",
        "-shortest",
    )
    vp8 = corpus.source("vp8.webm", *pattern, *tone, "-c:v", "libvpx", *_REALTIME, "-b:v", "150k", "-c:a", "libvorbis")
    vp9 = corpus.source(
        "vp9.webm", *pattern, *tone, "-c:v", "libvpx-vp9", *_REALTIME, "-b:v", "150k", "-c:a", "libopus"
    )
    mpeg4 = corpus.source("mpeg4.avi", *pattern, *tone, "-c:v", "mpeg4", "-b:v", "300k", "-c:a", "libmp3lame")
    mpeg2 = corpus.source(
        "mpeg2.mpg", *pattern, *tone, "-c:v", "mpeg2video", "-b:v", "600k", "-c:a", "mp2", "-f", "mpeg"
    )
    wmv = corpus.source("wmv.wmv", *pattern, *tone, "-c:v", "wmv2", "-b:v", "300k", "-c:a", "wmav2")
    flv = corpus.source("flv.mkv", *pattern, *tone, "-c:v", "flv", "-b:v", "200k", "-c:a", "libmp3lame")
    h263 = corpus.source(
        "h263.3gp",
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=176x144:rate=15:duration=20",
        "-f",
        "lavfi",
        "-i",
        "sine=sample_rate=16000:duration=20",
        "-c:v",
        "h263",
        "-b:v",
        "64k",
        "-c:a",
        "aac",
        "-b:a",
        "24k",
    )

    for source, lengths_s in ((h264, (1, 10, 60, 600)), (small, (1800, 5400))):
        for length_s in lengths_s:
            corpus.loop(source, f"mp4_end_{length_s}.mp4", "mp4 moov at end", length_s)
            corpus.loop(source, f"mp4_fast_{length_s}.mp4", "mp4 faststart", length_s, "-movflags", "+faststart")
    corpus.loop(heavy, "mp4_end_big.mp4", "mp4 moov at end", 110)
    corpus.loop(heavy, "mp4_fast_big.mp4", "mp4 faststart", 130, "-movflags", "+faststart")
    corpus.loop(h264, "mov_end_30.mov", "mov", 30)
    corpus.loop(h264, "mov_fast_300.mov", "mov", 300, "-movflags", "+faststart")
    corpus.encode("mov_pcm_20.mov", "mov", 20, "-i", h264, "-c:v", "copy", "-c:a", "pcm_s16le")
    for source, name, length_s, flags in (
        (h264, "mp4_frag_10.mp4", 10, _FRAGMENTED),
        (h264, "mp4_frag_600.mp4", 600, _FRAGMENTED),
        (small, "mp4_frag_5400.mp4", 5400, _FRAGMENTED),
        (h264, "mp4_frag_sidx_300.mp4", 300, _FRAGMENTED + "+global_sidx"),
        (h264, "mp4_frag_notrailer_300.mp4", 300, _FRAGMENTED + "+skip_trailer"),
        (h264, "mp4_frag_moovfirst_60.mp4", 60, "frag_keyframe"),
        (heavy, "mp4_frag_big.mp4", 90, _FRAGMENTED),
    ):
        corpus.loop(source, name, "mp4 fragmented", length_s, "-movflags", flags)
    corpus.encode(
        "mp4_vfr_20.mp4",
        "mp4 variable rate",
        20,
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=320x180:rate=30:duration=20",
        "-vf",
        r"select=not(mod(n\,3))*lt(t\,10)+gte(t\,10)",
        "-vsync",
        "vfr",
        *_X264,
        "-preset",
        "veryfast",
    )
    corpus.encode(
        "webm_vfr_20.webm",
        "webm",
        20,
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=320x180:rate=30:duration=20",
        "-vf",
        r"select=not(mod(n\,7))+gte(t\,15)",
        "-vsync",
        "vfr",
        "-c:v",
        "libvpx",
        *_REALTIME,
    )
    delayed = ("-itsoffset", "3", "-i", h264, "-i", h264, "-map", "0:v", "-map", "1:a", "-c", "copy")
    corpus.encode("mp4_elst_delay.mp4", "mp4 edit list", 23, *delayed)
    corpus.encode("mp4_elst_trim.mp4", "mp4 edit list", 14.7, "-ss", "5.3", "-i", h264, "-c", "copy")
    corpus.encode("mp4_rot90.mp4", "mp4 rotated", 20, "-i", h264, "-c", "copy", "-metadata:s:v:0", "rotate=90")
    corpus.encode("mp4_audio_only.mp4", "mp4 audio only", 20, "-i", h264, "-map", "0:a", "-c", "copy")
    corpus.encode("mp4_video_only.mp4", "mp4 moov at end", 20, "-i", h264, "-map", "0:v", "-c", "copy")
    short_audio = ("-i", h264, "-t", "8", "-c:v", "copy", "-af", "atrim=0:3", "-c:a", "aac")
    corpus.encode("mp4_short_audio.mp4", "mp4 moov at end", 8, *short_audio)
    corpus.encode(
        "mp4_hevc_5.mp4",
        "mp4 moov at end",
        5,
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=320x180:rate=25:duration=5",
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=error",
        "-tag:v",
        "hvc1",
    )

    for source, codec, lengths_s in ((vp8, "vp8", (10, 600)), (vp9, "vp9", (60, 3600))):
        for length_s in lengths_s:
            corpus.loop(source, f"webm_{codec}_{length_s}.webm", "webm", length_s)
    corpus.loop(h264, "mkv_h264_60.mkv", "mkv", 60)
    corpus.loop(heavy, "mkv_big.mkv", "mkv", 100)
    corpus.loop(h264, "mkv_cuesfront_300.mkv", "mkv", 300, "-cues_to_front", "1")
    for source, name, length_s, options in (
        (h264, "mkv_pipe_60.mkv", 60, ("-f", "matroska")),
        (vp9, "webm_pipe_60.webm", 60, ("-f", "webm")),
        (vp8, "webm_live_600.webm", 600, ("-f", "webm", "-live", "1")),
    ):
        repeat = ("-stream_loop", "-1", "-i", source, "-t", str(length_s), "-c", "copy")
        corpus.pipe(name, "mkv without duration", length_s, *repeat, *options)

    for length_s in (10, 600, 1800):
        corpus.loop(mpeg4, f"avi_{length_s}.avi", "avi", length_s)
    for length_s in (10, 600):
        corpus.loop(mpeg2, f"mpg_{length_s}.mpg", "mpeg-ps", length_s, "-f", "mpeg")
        corpus.loop(wmv, f"wmv_{length_s}.wmv", "wmv", length_s)
        corpus.loop(h263, f"h263_{length_s}.3gp", "3gp", length_s)
    corpus.encode(
        "mpeg1_es_30.mpg",
        "mpeg-1 video es",
        30,
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=320x180:rate=25:duration=30",
        "-c:v",
        "mpeg1video",
        "-b:v",
        "400k",
        "-f",
        "mpeg1video",
    )
    corpus.loop(h264, "ts_60.ts", "mpeg-ts", 60, "-f", "mpegts")
    corpus.loop(h264, "ts_600.ts", "mpeg-ts", 600, "-f", "mpegts")
    corpus.loop(heavy, "ts_big.ts", "mpeg-ts", 80, "-f", "mpegts")
    corpus.loop(flv, "flv_10.flv", "flv", 10)
    corpus.loop(flv, "flv_1800.flv", "flv", 1800)
    corpus.loop(flv, "flv_nodur_120.flv", "flv without duration", 120, "-flvflags", "no_duration_filesize")


def _describe_audio(corpus: _Corpus) -> None:
    sweep = corpus.source(
        "sweep_600.flac",
        "-f",
        "lavfi",
        "-i",
        r"aevalsrc=0.3*sin(2*PI*(200+t*20)*t)+0.1*random(0)*gt(mod(t\,7)\,3):s=44100:d=600",
    )
    long = corpus.source(
        "long_5400.flac",
        "-f",
        "lavfi",
        "-i",
        r"aevalsrc=0.3*sin(2*PI*300*t)*gt(mod(t\,60)\,20)+0.1*random(0)*gt(mod(t\,11)\,6):s=16000:d=5400",
    )
    cover = corpus.source(
        "cover.png",
        "-f",
        "lavfi",
        "-i",
        "nullsrc=s=1200x1000,geq=random(1)*255:random(2)*255:random(3)*255",
        "-frames:v",
        "1",
    )

    def part(length_s: int) -> tuple[str | Path, ...]:
        return ("-i", sweep, "-t", str(length_s))

    no_header = ("-write_xing", "0")
    for length_s in (10, 300):
        corpus.encode(f"mp3_cbr_{length_s}.mp3", "mp3 cbr", length_s, *part(length_s), "-b:a", "128k", *no_header)
        corpus.encode(f"mp3_cbrxing_{length_s}.mp3", "mp3 cbr xing", length_s, *part(length_s), "-b:a", "96k")
        name = f"mp3_vbrnohdr_{length_s}.mp3"
        corpus.encode(name, "mp3 vbr without header", length_s, *part(length_s), "-q:a", "4", *no_header)
    for length_s in (1, 10, 300):
        corpus.encode(f"mp3_vbr_{length_s}.mp3", "mp3 vbr", length_s, *part(length_s), "-q:a", "4")
    corpus.encode("mp3_cbr_5400.mp3", "mp3 cbr", 5400, "-i", long, "-b:a", "32k", *no_header)
    corpus.encode("mp3_vbr_5400.mp3", "mp3 vbr", 5400, "-i", long, "-q:a", "6")
    corpus.encode("mp3_vbrnohdr_5400.mp3", "mp3 vbr without header", 5400, "-i", long, "-q:a", "6", *no_header)
    for rate, options in (("cbr", no_header), ("vbr", ())):
        inputs = ("-i", corpus.folder / f"mp3_{rate}_300.mp3", "-i", cover, "-map", "0:a", "-map", "1:v", "-c", "copy")
        tag = ("-id3v2_version", "3", "-metadata:s:v", "title=Cover")
        corpus.encode(f"mp3_cover_{rate}_300.mp3", "mp3 with cover", 300, *inputs, *tag, *options)

    for length_s in (1, 10, 300):
        corpus.encode(f"wav_{length_s}.wav", "wav", length_s, *part(length_s), "-ac", "2")
    corpus.encode("wav_big_600.wav", "wav", 600, *part(600), "-ac", "2")
    corpus.encode("wav_5400.wav", "wav", 5400, "-i", long, "-ar", "8000", "-c:a", "pcm_u8")
    corpus.pipe("wav_pipe_60.wav", "wav without size", 60, *part(60), "-f", "wav")
    for length_s in (10, 300):
        corpus.encode(f"flac_{length_s}.flac", "flac", length_s, *part(length_s))
    corpus.pipe("flac_pipe_60.flac", "flac without total", 60, *part(60), "-f", "flac")
    for length_s in (10, 600):
        corpus.encode(f"vorbis_{length_s}.ogg", "ogg", length_s, *part(length_s), "-c:a", "libvorbis", "-q:a", "3")
        corpus.encode(f"opus_{length_s}.opus", "ogg", length_s, *part(length_s), "-c:a", "libopus", "-b:a", "48k")
        corpus.encode(f"aac_{length_s}.aac", "aac adts", length_s, *part(length_s), "-c:a", "aac", "-b:a", "96k")
        corpus.encode(f"m4a_{length_s}.m4a", "m4a", length_s, *part(length_s), "-c:a", "aac", "-b:a", "96k")
    corpus.encode("opus_5400.ogg", "ogg", 5400, "-i", long, "-c:a", "libopus", "-b:a", "16k", "-application", "voip")
    corpus.encode("aac_5400.aac", "aac adts", 5400, "-i", long, "-c:a", "aac", "-b:a", "24k")
    faststart = ("-c", "copy", "-movflags", "+faststart")
    corpus.encode("m4a_5400.m4a", "m4a", 5400, "-i", corpus.folder / "aac_5400.aac", *faststart)
    corpus.encode("aiff_30.aiff", "aiff", 30, *part(30), "-c:a", "pcm_s16be")
    corpus.encode("wma_30.wma", "wmv", 30, *part(30), "-c:a", "wmav2")
    corpus.encode("ac3_60.ac3", "ac3", 60, *part(60), "-c:a", "ac3", "-b:a", "128k")


def _describe_damaged(corpus: _Corpus) -> None:
    for of, share in (
        ("mp4_end_60.mp4", 0.6),
        ("mp4_fast_60.mp4", 0.5),
        ("mkv_h264_60.mkv", 0.5),
        ("webm_vp8_600.webm", 0.5),
        ("mp3_cbr_300.mp3", 0.5),
        ("mp3_vbr_300.mp3", 0.5),
        ("wav_300.wav", 0.5),
        ("flac_300.flac", 0.5),
        ("vorbis_600.ogg", 0.5),
        ("avi_600.avi", 0.5),
        ("mp4_frag_600.mp4", 0.5),
    ):
        corpus.alter(of, f"cut_{of}", "damaged", None, lambda data, share=share: data[: int(len(data) * share)])
    corpus.alter("mp4_fast_60.mp4", "cut_inside_moov.mp4", "damaged", None, lambda data: data[: len(data) * 3 // 1000])
    corpus.alter("wav_10.wav", "cut_after_header.wav", "damaged", None, lambda data: data[:44])
    corpus.alter("mp3_cbr_10.mp3", "mp3_leading_zeros.mp3", "damaged", 10, lambda data: bytes(4000) + data)
    for of, name, nominal_s in (
        ("mp3_vbr_300.mp3", "mp3_named.mp4", 300),
        ("mp4_end_60.mp4", "mp4_named.mp3", 60),
        ("webm_vp9_60.webm", "webm_named.wav", 60),
        ("flac_10.flac", "flac_without_extension", 10),
    ):
        corpus.alter(of, name, "misnamed", nominal_s, lambda data: data)
    corpus.literal("empty.mp4", lambda: b"")
    corpus.literal("one_byte.mp3", lambda: b"\xff")
    corpus.literal("zeros.mp4", lambda: bytes(5_000_000))
    corpus.literal("random.mp4", lambda: random.Random(1).randbytes(300_000))
    corpus.literal("random.mp3", lambda: random.Random(2).randbytes(5_000_000))
    corpus.literal("random_big.bin", lambda: random.Random(3).randbytes(60_000_000))
    corpus.literal("page.mp4", lambda: b"<!DOCTYPE html><html><body>404 not found</body></html>" * 20)
    corpus.literal("denied.mp3", lambda: b'{"error":"denied"}')


def build_corpus(folder: Path) -> list[CorpusFile]:
    """Makes what is missing in `folder` and returns the whole list."""
    folder.mkdir(parents=True, exist_ok=True)
    recipes = _describe(folder).recipes
    for recipe in recipes:
        path = folder / recipe.file.name
        if not path.exists():
            partial = path.with_name("partial." + path.name) if path.suffix else path.with_name("partial")
            recipe.make(partial)
            partial.rename(path)
            print(f"made {path.name}: {path.stat().st_size:,} bytes", file=sys.stderr)
    files = [recipe.file for recipe in recipes]
    (folder / "corpus.json").write_text(json.dumps([file._asdict() for file in files], indent=1))
    return files


def paths(folder: Path, files: list[CorpusFile]) -> Iterator[tuple[CorpusFile, Path]]:
    for file in files:
        yield file, folder / file.name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    built = build_corpus(parser.parse_args().folder)
    print(f"{len(built)} files")
