"""The first pass: URIs worth probing, and the media resolution."""

from __future__ import annotations

import json

import pytest
from tuning_lines import (
    AUDIO_URI,
    IMAGE_URI,
    VIDEO_URI,
    Json,
    audio,
    document,
    encoded,
    example,
    file,
    image,
    text,
    video,
)

from beam_tuning.dataset.scan import LineScan, scan_line

LOW = "MEDIA_RESOLUTION_LOW"


NO_EXAMPLE = LineScan((), None, False, is_example=False)


@pytest.mark.parametrize(
    ("line", "scan"),
    [
        (example(), LineScan((), None, False)),
        (example(video(), resolution=LOW), LineScan((VIDEO_URI,), LOW, True)),
        (example(audio(), resolution=LOW), LineScan((AUDIO_URI,), LOW, False)),
        (example(document()), LineScan(("gs://example-bucket/paper.pdf",), None, True)),
        (example(image(), video(), image()), LineScan((IMAGE_URI, VIDEO_URI), None, True)),
        (example(video(), resolution="LOW"), LineScan((VIDEO_URI,), None, True)),
        (example(video(), resolution="MEDIA_RESOLUTION_UNSPECIFIED"), LineScan((VIDEO_URI,), None, True)),
        (example(video(), generation_config={"media_resolution": 1}), LineScan((VIDEO_URI,), LOW, True)),
        (example({"file_data": {"file_uri": "clip.mp4"}}), LineScan(("clip.mp4",), None, False)),
        (example(file("s3://bucket/x")), LineScan((), None, True)),
        (example(video(), id=7, labels={"a": "b"}), LineScan((VIDEO_URI,), None, True)),
        (example({**text(), **video()}), LineScan((VIDEO_URI,), None, True)),
        (example(systemInstruction={"parts": [video()]}), LineScan((), None, False)),
        ({"request": example(video())}, NO_EXAMPLE),
        ({"contents": []}, NO_EXAMPLE),
        (b"\xff", NO_EXAMPLE),
        (b"", NO_EXAMPLE),
    ],
)
def test_scan(line: Json | bytes, scan: LineScan) -> None:
    assert scan_line(encoded(line)) == scan


def test_lines_that_are_too_long_are_not_scanned() -> None:
    line = json.dumps(example(video(), text("x" * 10_000_000))).encode()
    assert scan_line(line) == NO_EXAMPLE
