"""Strategies for lines, answers of a prober and policies: whatever may come, hostile values included."""

from __future__ import annotations

import math

from hypothesis import strategies as st
from tuning_lines import AUDIO_URI, GEMINI_2, GEMINI_3, VIDEO_URI, Json, example, file, policy, text

from beam_tuning.dataset.api_schema import HIGH, LOW, ULTRA_HIGH
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ObjectInfo, ProbeFailure, ProbeResult, StreamInfo

URIS = st.sampled_from([VIDEO_URI, AUDIO_URI, "https://h/x", "s3://x/y", "clip.mp4", "gs://example-bucket/other"])
MIME_TYPES = st.sampled_from(
    ["video/mp4", "audio/mp3", "image/png", "application/pdf", "text/plain", "video/x", "VIDEO/MP4", None]
)
OFFSETS = st.sampled_from([None, "0s", "5s", "19.5s", "21s", "400s", "-1s", "315576000000s", "x"])
LEVELS = st.sampled_from([None, LOW, HIGH, ULTRA_HIGH, "odd"])
DURATIONS = st.none() | st.sampled_from([0.0, 1e-9, 20.0, 299.99, 300.0, 300.01, 1200.5, 3601.0, 1e8, math.nan])
SIDES_PX = st.none() | st.sampled_from([0, 1, 768, 769])
SIZES = st.none() | st.sampled_from([0, 1, 15_000_001, 10**8, 10**8 + 1, 2**63])


@st.composite
def media_parts(draw: st.DrawFn) -> Json:
    given = {"startOffset": draw(OFFSETS), "endOffset": draw(OFFSETS), "fps": draw(st.none() | st.floats(-1, 40))}
    beside: Json = {}
    if draw(st.booleans()):
        beside["videoMetadata"] = {key: value for key, value in given.items() if value is not None}
    level = draw(LEVELS)
    if level is not None:
        beside["mediaResolution"] = {"level": level}
    return file(draw(URIS), draw(MIME_TYPES), **beside)


@st.composite
def answers(draw: st.DrawFn) -> ProbeResult:
    known = ObjectInfo(draw(SIZES), "1") if draw(st.booleans()) else None
    if draw(st.integers(0, 3)) == 0:
        return ProbeResult(
            VIDEO_URI, ProbeFailure(draw(st.sampled_from(FailureKind)), "no", draw(st.booleans())), known
        )
    kind = draw(st.sampled_from(MediaKind))
    streams = tuple(
        StreamInfo(one, duration_s=draw(DURATIONS), fps=draw(st.none() | st.floats()))
        for one in draw(st.lists(st.sampled_from([MediaKind.AUDIO, MediaKind.VIDEO]), max_size=3))
    )
    info = MediaInfo(
        draw(st.sampled_from(["mp4", "webm", "mp3", "png", "pdf"])),
        kind,
        streams,
        draw(DURATIONS),
        truncated=draw(st.sampled_from([None, "cut"])),
        tail_cut=draw(st.sampled_from([None, "3 bytes are missing"])),
        width_px=draw(SIDES_PX),
        height_px=draw(SIDES_PX),
        pages=draw(st.none() | st.sampled_from([0, 1, 300, 301])),
    )
    return ProbeResult(VIDEO_URI, info, known)


EXAMPLES = st.builds(
    lambda parts, answer, resolution: example(*parts, answer=answer, resolution=resolution),
    st.lists(media_parts() | st.just(text()), max_size=5),
    st.sampled_from(["A dog barks.", "[99:59] A dog barks.", '[{"start": 1, "end": 2.5}]']),
    LEVELS,
)
POLICIES = st.builds(
    policy,
    st.sampled_from([GEMINI_2, GEMINI_3]),
    length_basis=st.sampled_from(["segment", "file"]),
    media_resolution=st.sampled_from(["consistent", "majority", LOW]),
    allow_local_media=st.booleans(),
    tolerate=st.lists(st.sampled_from(["VIDEO_TOO_MANY", "MEDIA_NOT_PROBED", "MEDIA_EMPTY"])),
)
