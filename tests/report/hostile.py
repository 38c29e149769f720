"""A dataset that wants to run scripts, to leave its place on the page, and to look like something else."""

from __future__ import annotations

from judged_examples import known

from beam_tuning.dataset.example import LineId, MediaPart, Segment
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, ProbeResult, StreamInfo
from beam_tuning.reasons import Finding, Reason, Verdict, verdict_of
from beam_tuning.summary.judged_example import JudgedExample

#: Sets this on `window` if anything of the dataset runs.
MARK = "pwned"

TEXTS = (
    f"<script>window.{MARK}=1</script>",
    f"</style></script><script>window.{MARK}=1</script>",
    f'"><img src=x onerror=window.{MARK}=1>',
    f"' onmouseover='window.{MARK}=1' autofocus onfocus='window.{MARK}=1",
    f"<svg/onload=window.{MARK}=1>",
    "{{ 7 * 7 }}{% include 'x' %}{#",
    "<!-- ]]> --> &lt;b&gt;",
    "gpj.\u202etxt\u2066\u2069\u200f\u061c.mp4",
    "\x00\x01\x1b[31m\x7f\x85\u2028\ufeff",
    "x" * 5000,
    "مرحبا بالعالم 日本語 😀",
    "\udcff",
)
URIS = (
    f"javascript:window.{MARK}=1",
    f"JaVaScRiPt:window.{MARK}=1//",
    f"data:text/html,<script>window.{MARK}=1</script>",
    f"vbscript:window.{MARK}=1",
    'gs://example-bucket/a"onerror=alert(1) b/<script>.mp4',
    "gs://Not A Bucket/x.mp4",
    "https://example.com@evil.example/x.mp4",
    'https://example.com/"><script>',
    "http://[::1]/x.mp4",
    "https://example.com\\@evil.example/",
    "//evil.example/x.mp4",
    "file:///etc/passwd",
    "https://" + "a" * 3000 + "/x",
)


def hostile_examples() -> list[JudgedExample]:
    """Every text in every place where a text may stand, every URI as video and as audio."""
    examples = []
    places = [(text, uri) for text in TEXTS for uri in URIS]
    for number, (text, uri) in enumerate(places, 1):
        kind = MediaKind.VIDEO if number % 2 else MediaKind.AUDIO
        part = MediaPart(f"contents[0].parts[{text}]", text, uri, text, kind, Segment(10**9, 5 * 10**9))
        if number % 3:
            probe = ProbeResult(uri, MediaInfo("mp4", kind, (StreamInfo(kind, text, 3.0),), 3.0))
        else:
            probe = ProbeResult(uri, ProbeFailure(FailureKind.NOT_FOUND, text))
        reasons = list(Reason)[number % 20 : number % 20 + 3]
        findings = tuple(Finding(reason, text, part.path, text, uri) for reason in reasons)
        place = LineId("train" if number % 4 else "validation", text, number, number)
        examples.append(
            JudgedExample(
                place,
                99,
                verdict_of(findings),
                findings,
                (known(part, probe),),
                text,
                text_chars=9,
                prompt_start=text,
                answer_start=text,
            )
        )
    assert {example.verdict for example in examples} >= {Verdict.DROPPED}
    return examples
