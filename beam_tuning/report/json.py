"""`report.json`: everything the report knows, for programs; the page and the terminal are made from this alone.

Two runs over the same input on one day give the same document but for its `run` section. `docs/report.schema.json` is
its schema, `docs/report.md` its description.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from beam_tuning.dataset.proto_json import ABSENT
from beam_tuning.dataset.tokens import tokens_sources
from beam_tuning.policy.choices import ResolutionScope
from beam_tuning.policy.limits import ModelLimits, Number
from beam_tuning.policy.readiness import (
    Answer,
    DatasetFinding,
    DatasetLimits,
    DropShare,
    Readiness,
    readiness,
    resolution_counts,
)
from beam_tuning.reasons import Outcome, Reason, Verdict
from beam_tuning.report.run import OutputFile, RunSettings, RunTimes
from beam_tuning.report.what_if import resolution_plan, token_totals, what_if
from beam_tuning.summary.distributions import BoundedCounts, Distribution
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.samples import Sample
from beam_tuning.summary.summary import SplitSummary, Summary, VerdictCounts

#: Grows by one with every change that a reader of the last version could stumble over.
SCHEMA_VERSION = 1


class _Distribution(NamedTuple):
    """A distribution of the document.

    Attributes:
      field: of `VerdictCounts`.
      limits: names of the model's limits to draw in, with what makes one of their units one of `unit`.
    """

    name: str
    title: str
    unit: str
    field: str
    limits: Mapping[str, int] = MappingProxyType({})


_VIDEO_LENGTHS = dict.fromkeys(("video_length_low", "video_length_medium", "video_length_high"), 1000)
_MEDIA_SIZES = dict.fromkeys(("audio_bytes", "video_bytes", "image_bytes", "document_bytes"), 1)
_DISTRIBUTIONS = (
    _Distribution("video_length", "Length of video used", "ms", "video_ms", _VIDEO_LENGTHS),
    _Distribution("audio_length", "Length of audio used", "ms", "audio_ms", {"audio_length": 1000}),
    _Distribution("media_size", "Size of media objects", "bytes", "media_bytes", _MEDIA_SIZES),
    _Distribution("tokens", "Tokens, upper estimate", "tokens", "tokens_high", {"example_tokens": 1}),
    _Distribution("line_size", "Size of a line", "bytes", "size_bytes"),
    _Distribution("text_chars", "Text of an example", "characters", "text_chars"),
)
_OUTCOME_ORDER = {outcome: number for number, outcome in enumerate(Outcome)}


def report_document(
    settings: RunSettings,
    summary: Summary,
    media_summary: MediaSummary,
    times: RunTimes,
    *,
    file_faults: Sequence[DatasetFinding] = (),
    outputs: Sequence[OutputFile] = (),
) -> dict[str, Any]:
    """The document as JSON values.

    Args:
      outputs: files of the output folder, in the order in which they are listed.
    """
    model = settings.limits.model(settings.model)
    limits = model.dataset_limits()
    ready = readiness(
        summary,
        model,
        day=datetime.date.fromisoformat(times.started[:10]),
        splits=settings.splits,
        resolution_scope=settings.resolution_scope,
        file_faults=file_faults,
        local_media=media_summary.local,
        tolerated={Reason[code] for code in settings.tolerated},
    )
    splits = {name: summary.splits.get(name, SplitSummary()) for name in ready.drop_shares}
    gate = ready.gate(settings.fail_on)
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "beam_tuning", "version": settings.version},
        "model": settings.model,
        "options": dict(settings.options),
        "output": settings.output,
        "inputs": [{"split": one.split, "path": one.path, "size_bytes": one.size_bytes} for one in settings.inputs],
        "readiness": {
            "as_given": _answer(ready.as_given),
            "cleaned": _answer(ready.cleaned),
            "gate": {
                "fail_on": settings.fail_on.value,
                "open": gate.is_open,
                "exit_code": gate.exit_code,
                "why": gate.why,
            },
        },
        "splits": {name: _split(split, ready.drop_shares[name], limits) for name, split in splits.items()},
        "reasons": _reasons(splits, settings),
        "media_resolutions": _resolutions(splits, ready, settings.resolution_scope),
        "what_if": what_if(splits, settings),
        "resolution_plan": resolution_plan(splits, settings),
        "distributions": [_distribution(row, splits, model) for row in _DISTRIBUTIONS],
        "tokens": {
            **token_totals(splits, settings),
            "formulas": [one._asdict() for one in tokens_sources()],
        },
        "limits": [{"name": name, **msgspec.to_builtins(entry)} for name, entry in model.entries().items()],
        "media": _media(media_summary),
        "outputs": [msgspec.to_builtins(output) for output in outputs],
        "run": _run(times, media_summary),
    }


def encode_document(document: Mapping[str, Any]) -> bytes:
    """The document as indented JSON with a last newline."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "state": answer.state.value,
        "findings": [_finding(finding) for finding in answer.findings],
        "advice": [_finding(finding) for finding in answer.advice],
    }


def _finding(finding: DatasetFinding) -> dict[str, Any]:
    return {
        "code": finding.reason.code,
        "title": finding.reason.title,
        "certain": finding.certain,
        "split": finding.split,
        "message": finding.message,
        "observed": finding.observed,
        "limit": finding.limit,
        "remedy": finding.reason.remedy,
        "source": finding.reason.source,
    }


def _split(split: SplitSummary, share: DropShare, limits: DatasetLimits) -> dict[str, Any]:
    everything = VerdictCounts()
    for verdict in Verdict:
        everything.merge(split.by_verdict[verdict])
    kept = split.by_verdict[Verdict.KEPT]
    return {
        "read": split.read,
        "kept": split.kept,
        "dropped": split.dropped,
        "undecided": split.undecided,
        "blank_lines": split.blank_lines,
        # As one file: every line with a newline.
        "size_bytes": everything.size_bytes.total + everything.examples,
        "kept_size_bytes": kept.size_bytes.total + kept.examples,
        "drop_share": {
            "low": share.low,
            "high": share.high,
            "limit": limits.drop_percent / 100,
            "state": share.state.value if share.state else None,
        },
        "examples_with": {
            "audio": everything.with_audio,
            "video": everything.with_video,
            "image": everything.with_image,
            "document": everything.with_document,
            "text_only": everything.examples - everything.with_media,
        },
        "media_length_unknown": everything.length_unknown,
    }


def _reasons(splits: Mapping[str, SplitSummary], settings: RunSettings) -> list[dict[str, Any]]:
    """Every reason that occurs, the gravest outcome first, then the most frequent."""
    codes = {code for split in splits.values() for code in split.reasons}
    read = sum(split.read for split in splits.values())
    tolerated = set(settings.tolerated)
    rows = []
    for code in codes:
        reason = Reason[code]
        counts = {name: split.reasons[code] for name, split in splits.items() if code in split.reasons}
        examples = sum(one.examples for one in counts.values())
        rows.append(
            {
                "code": code,
                "title": reason.title,
                "outcome": reason.outcome.value,
                "scope": reason.scope.value,
                "tolerated": code in tolerated,
                "message": reason.message,
                "remedy": reason.remedy,
                "source": reason.source,
                "examples": examples,
                "share": examples / read,
                "alone": sum(one.alone for one in counts.values()),
                "splits": {name: {"examples": one.examples, "alone": one.alone} for name, one in counts.items()},
                "samples": [
                    _sample(name, sample)
                    for name, one in counts.items()
                    for sample in sorted(
                        one.samples, key=lambda sample: (sample.file, sample.offset_bytes, sample.rank)
                    )
                ],
            }
        )
    return sorted(rows, key=lambda row: (_OUTCOME_ORDER[Outcome(row["outcome"])], -row["examples"], row["code"]))


def _sample(split: str, sample: Sample) -> dict[str, Any]:
    return {
        "split": split,
        "file": sample.file,
        "line": sample.line,
        "offset_bytes": sample.offset_bytes,
        "verdict": sample.verdict,
        "path": sample.path,
        "message": sample.message,
        "observed": sample.observed,
        "limit": sample.limit,
        "prompt_start": sample.prompt_start,
        "media": [
            {
                "uri": one.uri,
                "kind": one.kind,
                "mime_type": one.mime_type,
                "start_ns": one.start_ns,
                "end_ns": one.end_ns,
            }
            for one in sample.media
        ],
    }


def _resolutions(splits: Mapping[str, SplitSummary], ready: Readiness, scope: ResolutionScope) -> dict[str, Any]:
    def counted(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
        of_split = {name: resolution_counts([split], verdicts, scope) for name, split in splits.items()}
        return [
            {
                "value": value if value != ABSENT else None,
                "examples": examples,
                "splits": {name: counts.counts.get(value, 0) for name, counts in of_split.items()},
            }
            for value, examples in resolution_counts(splits.values(), verdicts, scope).most_common()
        ]

    parts = BoundedCounts()
    for split in splits.values():
        for counts in split.by_verdict.values():
            parts.merge(counts.part_resolutions)
    mixed = {
        name: any(finding.reason is Reason.MEDIA_RESOLUTION_MIXED for finding in answer.findings)
        for name, answer in (("as_given", ready.as_given), ("kept", ready.cleaned))
    }
    return {
        "agree": {name: not is_mixed for name, is_mixed in mixed.items()},
        "as_given": counted(tuple(Verdict)),
        "kept": counted((Verdict.KEPT,)),
        "of_parts": _counts(parts),
    }


def _counts(counts: BoundedCounts) -> list[dict[str, Any]]:
    rows = [{"name": name, "count": count} for name, count in counts.most_common()]
    if counts.others:
        rows.append({"name": None, "count": counts.others})
    return rows


def _distribution(
    distribution: _Distribution, splits: Mapping[str, SplitSummary], model: ModelLimits
) -> dict[str, Any]:
    labels: dict[int | float, list[str]] = {}
    for name, factor in distribution.limits.items():
        entry = model.entries()[name]
        if isinstance(entry, Number):
            labels.setdefault(entry.value * factor, []).append(entry.label)
    return {
        "name": distribution.name,
        "title": distribution.title,
        "unit": distribution.unit,
        "limits": [{"label": ", ".join(of_value), "value": value} for value, of_value in sorted(labels.items())],
        "series": [
            {
                "split": name,
                "verdict": verdict.value,
                **_numbers(getattr(split.by_verdict[verdict], distribution.field)),
            }
            for name, split in splits.items()
            for verdict in Verdict
        ],
    }


def _numbers(distribution: Distribution) -> dict[str, Any]:
    """Exact count, sum, min and max; quantiles to an eighth; bins as [start, stop, count] with stop excluded."""
    return {
        "count": distribution.count,
        "sum": distribution.total,
        "min": distribution.smallest,
        "p05": distribution.quantile(0.05),
        "p50": distribution.quantile(0.5),
        "p95": distribution.quantile(0.95),
        "max": distribution.largest,
        "bins": [list(one) for one in distribution.bins()],
    }


def _media(media: MediaSummary) -> dict[str, Any]:
    return {
        "objects": media.outcomes.total,
        "outcomes": _counts(media.outcomes),
        "kinds": _counts(media.kinds),
        "containers": _counts(media.containers),
        "video_codecs": _counts(media.video_codecs),
        "audio_codecs": _counts(media.audio_codecs),
        "picture_sizes": _counts(media.picture_sizes),
        "duration_ms": _numbers(media.duration_ms),
        "size_bytes": _numbers(media.size_bytes),
    }


def _run(times: RunTimes, media: MediaSummary) -> dict[str, Any]:
    def total(field: str) -> int:
        return sum(getattr(costs, field) for costs in media.costs.values())

    fields = ("fresh", "cached", "requests", "retries", "received_bytes", "object_bytes")
    latency = Distribution()
    for costs in media.costs.values():
        latency.merge(costs.latency_ms)
    return {
        "started": times.started,
        "finished": times.finished,
        "elapsed_s": times.elapsed_s,
        "runner": times.runner,
        "probing": {
            **{field: total(field) for field in fields},
            "latency_ms": _numbers(latency),
            "by_container": _by_container(media),
        },
    }


def _by_container(media: MediaSummary) -> Iterable[dict[str, Any]]:
    return [
        {
            "name": name,
            "fresh": costs.fresh,
            "requests": costs.requests,
            "received_bytes": costs.received_bytes,
            "object_bytes": costs.object_bytes,
            "latency_ms_sum": costs.latency_ms.total,
        }
        for name, costs in sorted(media.costs.items())
    ]
