"""Seeded judged examples for the tests of summary, policy and report: like a real dataset, faults included."""

from __future__ import annotations

import random
from collections.abc import Iterator

from beam_tuning.dataset.example import LineId, MediaPart, Segment
from beam_tuning.media.info import (
    FailureKind,
    MediaInfo,
    MediaKind,
    ObjectInfo,
    ProbeCost,
    ProbeFailure,
    ProbeResult,
    StreamInfo,
)
from beam_tuning.policy.example_facts import part_facts
from beam_tuning.reasons import Finding, Reason, Verdict, verdict_of
from beam_tuning.summary.judged_example import JudgedExample, PartFacts, TokenRange, WhatIf

RESOLUTIONS = ("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH")
#: Tokens of a frame by generation and media resolution: the what-if profiles of the built-in limits.
FRAME_TOKENS = {
    "gemini-2": {None: 256, "LOW": 64, "MEDIUM": 256, "HIGH": 256},
    "gemini-3": {None: 70, "LOW": 70, "MEDIUM": 70, "HIGH": 280},
}
_PROMPTS = (
    "Transcribe the recording and name the speakers.",
    "What happens in the kitchen between the two cuts?",
    "Summarise the lecture in three sentences.",
    "Count the people who cross the street.",
    "Welche Vögel sind zu hören?",
    "何が起きていますか。時刻も書いてください。",
)


def known(part: MediaPart, probe: ProbeResult | None = None) -> PartFacts:
    """What is known of a part when the probe of its URI gives that answer, or none."""
    return part_facts(part, {} if probe is None else {part.uri: probe}, of_segment=True)


class Generator:
    """Makes examples from a seed; equal seeds and calls give equal examples."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def examples(self, count: int, *, split: str = "train", shards: int = 4) -> Iterator[JudgedExample]:
        """`count` examples over `shards` files, about one in eight with a fault."""
        offsets = [0] * shards
        for number in range(count):
            shard = number * shards // count
            example = self._example(split, f"gs://example-bucket/clips/{split}-{shard:05d}-of-{shards:05d}.jsonl")
            place = LineId(example.line_id.split, example.line_id.file, number + 1, offsets[shard])
            offsets[shard] += example.size_bytes + 1
            yield _at(example, place)

    def _example(self, split: str, file: str) -> JudgedExample:
        rng = self._random
        place = LineId(split, file, 1, 0)
        size_bytes = rng.randrange(300, 4000)
        kind = rng.choices(("video", "audio", "text", "broken"), (62, 25, 11, 2))[0]
        if kind == "broken":
            finding = Finding(Reason.LINE_NOT_JSON, "The line ends inside a string.", observed="char 812")
            return JudgedExample(place, size_bytes, Verdict.DROPPED, (finding,))
        text_chars = int(rng.lognormvariate(6.5, 1.0))
        prompt = rng.choice(_PROMPTS)
        if kind == "text":
            few = TokenRange(text_chars // 5, text_chars // 3)
            return JudgedExample(place, size_bytes, Verdict.KEPT, (), (), None, text_chars, few, prompt)
        resolution = rng.choices((*RESOLUTIONS, None), (86, 5, 2, 7))[0] if kind == "video" else None
        part, probe = self._media(MediaKind(kind))
        findings = list(_findings(part, probe, resolution))
        what_if = tuple(_what_if(part, probe, findings, text_chars)) if kind == "video" else ()
        tokens = _tokens(probe, 64 if resolution == RESOLUTIONS[0] else 256, text_chars)
        return JudgedExample(
            place,
            size_bytes,
            verdict_of(findings),
            tuple(findings),
            (known(part, probe),),
            resolution,
            text_chars,
            tokens,
            prompt,
            what_if,
        )

    def _media(self, kind: MediaKind) -> tuple[MediaPart, ProbeResult]:
        rng = self._random
        video = kind is MediaKind.VIDEO
        suffix = rng.choice(("mp4", "mp4", "mp4", "webm", "mov") if video else ("wav", "mp3", "flac", "ogg"))
        number = rng.randrange(10**6)
        uri = f"gs://example-bucket/{kind.value}/clip-{number:06d}.{suffix}"
        segment = Segment(rng.randrange(5) * 10**9, rng.randrange(20, 60) * 10**9) if rng.random() < 0.2 else None
        part = MediaPart("contents[0].parts[1]", "user", uri, f"{kind.value}/{suffix}", kind, segment)
        cost = ProbeCost(rng.choice((1, 1, 1, 2)), 65536, 1, int(rng.random() < 0.01), int(rng.lognormvariate(3, 0.5)))
        fate = rng.random()
        if fate < 0.015:
            failure = ProbeFailure(FailureKind.NOT_FOUND, "The object does not exist.")
            return part, ProbeResult(uri, failure, None, cost)
        if fate < 0.025:
            failure = ProbeFailure(FailureKind.TIMED_OUT, "No answer within 30 s.", transient=True)
            return part, ProbeResult(uri, failure, None, cost)
        duration_s = round(rng.lognormvariate(4.2, 0.9), 3)
        size_bytes = int(duration_s * (300_000 if video else 32_000) * rng.uniform(0.4, 1.4)) + 1000
        sound = StreamInfo(MediaKind.AUDIO, "aac" if video else suffix, duration_s, sample_rate_hz=48_000, channels=2)
        streams: tuple[StreamInfo, ...] = (sound,)
        if video:
            width_px, height_px = rng.choice(((1920, 1080), (1280, 720), (640, 360), (1080, 1920)))
            codec = rng.choice(("h264", "h264", "hevc", "vp9"))
            streams = (StreamInfo(MediaKind.VIDEO, codec, duration_s, width_px, height_px, fps=30.0), sound)
        container = {"webm": "matroska", "mov": "mov"}.get(suffix, suffix)
        info = MediaInfo(container, kind, streams, duration_s)
        return part, ProbeResult(uri, info, ObjectInfo(size_bytes, str(1700000000000000 + number)), cost)


def _at(example: JudgedExample, place: LineId) -> JudgedExample:
    fields = {name: getattr(example, name) for name in example.__struct_fields__}
    return JudgedExample(**{**fields, "line_id": place})


def _findings(part: MediaPart, probe: ProbeResult, resolution: str | None) -> Iterator[Finding]:
    if isinstance(probe.media, ProbeFailure):
        code = "MEDIA_NOT_FOUND" if probe.media.kind is FailureKind.NOT_FOUND else "MEDIA_TIMED_OUT"
        yield Finding(Reason[code], probe.media.message, f"{part.path}.fileData.fileUri", part.uri)
        return
    assert probe.object is not None
    assert probe.object.size_bytes is not None
    if part.kind is MediaKind.VIDEO:
        limit_s = 1200 if resolution == RESOLUTIONS[0] else 300
        duration_s = probe.media.duration_s
        if part.segment is None and duration_s is not None and duration_s > limit_s:
            message = (
                f"The video lasts {duration_s} s; at {resolution or 'no'} media resolution {limit_s} s are allowed."
            )
            yield Finding(Reason.VIDEO_TOO_LONG, message, part.path, duration_s, limit_s)
        if probe.object.size_bytes > 100_000_000:
            message = f"The video has {probe.object.size_bytes:,} bytes; 100,000,000 are allowed."
            yield Finding(Reason.VIDEO_TOO_LARGE, message, part.path, probe.object.size_bytes, 100_000_000)


def _tokens(probe: ProbeResult, per_frame: int, text_chars: int) -> TokenRange | None:
    if isinstance(probe.media, ProbeFailure) or probe.media.duration_s is None:
        return None
    frames = int(probe.media.duration_s)
    return TokenRange(frames * (per_frame + 25) + text_chars // 5, frames * (per_frame + 34) + text_chars // 3)


def _what_if(part: MediaPart, probe: ProbeResult, findings: list[Finding], text_chars: int) -> Iterator[WhatIf]:
    others = [finding for finding in findings if finding.reason is not Reason.VIDEO_TOO_LONG]
    for generation, rates in FRAME_TOKENS.items():
        for resolution, rate in rates.items():
            level = f"MEDIA_RESOLUTION_{resolution}" if resolution else None
            found = _findings(part, probe, level)
            over = tuple(finding.reason for finding in found if finding.reason is Reason.VIDEO_TOO_LONG)
            verdict = verdict_of([*others, *(Finding(reason, "") for reason in over)])
            tokens = _tokens(probe, rate, text_chars)
            yield WhatIf(f"{generation}/{level or 'absent'}", verdict, tokens, over)
