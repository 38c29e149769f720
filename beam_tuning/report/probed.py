"""What `beam-tuning probe` says of media objects: for people, and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from beam_tuning.media.info import MediaInfo, MediaKind, ProbeFailure, ProbeResult, StreamInfo
from beam_tuning.policy.rules.media_facts import reason_of
from beam_tuning.report import wording


def any_failed(results: Iterable[ProbeResult]) -> bool:
    """Whether an object could not be read."""
    return any(isinstance(result.media, ProbeFailure) for result in results)


def probed_document(results: Iterable[ProbeResult]) -> dict[str, Any]:
    """The document of `probe --json`: the fields of each `ProbeResult`; of a failure also its reason code and its
    remedy."""
    rows = []
    for result in results:
        row = msgspec.to_builtins(result)
        if isinstance(result.media, ProbeFailure):
            reason = reason_of(result.media)
            row["media"] |= {"reason": reason.code, "remedy": reason.remedy}
        rows.append(row)
    return {"results": rows}


def print_probed(result: ProbeResult, console: Console) -> None:
    """What one object is, a line for each stream, or why that is not known and what to do."""
    console.print(Text(wording.visible(result.uri), style="bold"))
    failed = isinstance(result.media, ProbeFailure)
    for line in _failure(result.media) if isinstance(result.media, ProbeFailure) else _media(result.media, result):
        console.print(Text(wording.visible(f"  {line}"), style="red" if failed else ""))
    cost = result.cost
    if cost.received_bytes:
        requests = f"{cost.requests:,} request{'' if cost.requests == 1 else 's'}"
        took = f"  {wording.size(cost.received_bytes)} read in {requests}, {wording.length(cost.latency_ms)}"
        console.print(Text(took, style="dim"))


def _failure(failure: ProbeFailure) -> Iterator[str]:
    reason = reason_of(failure)
    yield f"{reason.code}: {failure.message}"
    yield reason.remedy


def _media(media: MediaInfo, result: ProbeResult) -> Iterator[str]:
    size_bytes = None if result.object is None else result.object.size_bytes
    facts = [media.kind.value, media.container, wording.size(size_bytes)]
    if media.kind in (MediaKind.AUDIO, MediaKind.VIDEO):
        facts.append(wording.exact_length(media.duration_s) if media.duration_s is not None else "length unknown")
    if media.width_px is not None and media.height_px is not None:
        facts.append(f"{media.width_px} × {media.height_px} px")
    if media.pages is not None:
        facts.append(f"{media.pages:,} page{'' if media.pages == 1 else 's'}")
    yield ", ".join(facts)
    for stream in media.streams:
        yield f"{stream.kind.value}: {', '.join(_stream(stream))}"
    if result.object is not None and result.object.generation is not None:
        yield f"generation {result.object.generation}"
    warnings = (media.truncated, media.tail_cut, media.duration_unknown, media.pages_unknown)
    yield from (f"note: {warning}" for warning in warnings if warning is not None)


def _stream(stream: StreamInfo) -> Iterator[str]:
    yield stream.codec or "codec unknown"
    if stream.width_px is not None and stream.height_px is not None:
        turned = f", turned by {stream.rotation_deg}°" if stream.rotation_deg else ""
        yield f"{stream.width_px} × {stream.height_px} px{turned}"
    if stream.fps is not None:
        yield f"{stream.fps:.4g} frames/s"
    if stream.sample_rate_hz is not None:
        yield f"{stream.sample_rate_hz:,} Hz"
    if stream.channels is not None:
        yield f"{stream.channels:,} channel{'' if stream.channels == 1 else 's'}"
    if stream.duration_s is not None:
        yield wording.exact_length(stream.duration_s)
