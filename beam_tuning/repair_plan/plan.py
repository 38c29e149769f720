"""The plan of a repair: a forecast for each example that was not kept, `plan.parquet`, and their sums."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from beam_tuning.edited_media.orders import Order
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.finished_run.probed import probe_results
from beam_tuning.media.info import ProbeResult
from beam_tuning.media.media_table import column as _field
from beam_tuning.media_repairs.plan import MediaOptions
from beam_tuning.policy.policy import Policy
from beam_tuning.reasons import Verdict
from beam_tuning.repair_plan.forecast import Forecast, forecast
from beam_tuning.repair_plan.work import Work
from beam_tuning.run_folder.names import FileRole
from beam_tuning.summary.distributions import encodable

_HOUR_S = 3600
_COLUMNS = (
    *("split", "file", "line", "offset_bytes", "size_bytes", "verdict", "media_resolution"),
    *("tokens_low", "tokens_high", "findings", "media"),
)
_TEXTS = pa.list_(pa.field("element", pa.string(), nullable=False))
PLAN_SCHEMA = pa.schema(
    [
        _field("split", pa.string(), "train or validation.", nullable=False),
        _field("file", pa.string(), "Dataset file that the example stands in.", nullable=False),
        _field("line", pa.int64(), "Line in the file, from 1, blank lines counted.", nullable=False),
        _field("offset_bytes", pa.int64(), "Offset of the line's first byte in the uncompressed file.", nullable=False),
        _field("may_come_back", pa.bool_(), "Whether repairs exist for every reason against it.", nullable=False),
        _field("repairs", _TEXTS, "Their names.", nullable=False),
        _field("examples", pa.int64(), "Examples that come of it.", nullable=False),
        _field("files", pa.int64(), "Media files to write.", nullable=False),
        _field("source_uris", _TEXTS, "Media to fetch; other examples may name them too.", nullable=False),
        _field("read_bytes", pa.int64(), "Size of these.", nullable=False),
        _field("write_bytes", pa.int64(), "Size of the new files, at most.", nullable=False),
        _field("media_s", pa.float64(), "Seconds of media in the new files.", nullable=False),
        _field(
            "cpu_s_low", pa.float64(), "Processor seconds where copying does wherever it may, about.", nullable=False
        ),
        _field("cpu_s_high", pa.float64(), "Processor seconds where all is encoded, about.", nullable=False),
        _field("tokens_low", pa.int64(), "Lower end of the estimate of the example's tokens; null when unknown."),
        _field("tokens_high", pa.int64(), "Upper end; null when unknown."),
        _field("left", _TEXTS, "Codes of reasons that no repair mends.", nullable=False),
        _field(
            "why", pa.string(), "Why its media cannot be edited; empty where that is not the question.", nullable=False
        ),
    ]
)


class PlanLine(msgspec.Struct, kw_only=True):
    """One repair, or one combination of repairs, over all examples.

    Attributes:
      files, write_bytes, media_hours, cpu_hours_low, cpu_hours_high: an edit that several examples want counts once.
    """

    repairs: str
    examples_back: int = 0
    new_examples: int = 0
    files: int = 0
    read_bytes: int = 0
    write_bytes: int = 0
    media_hours: float = 0.0
    cpu_hours_low: float = 0.0
    cpu_hours_high: float = 0.0
    tokens_low: int = 0
    tokens_high: int = 0

    def add_work(self, work: Work) -> None:
        self.files += work.files
        self.write_bytes += work.write_bytes
        self.media_hours += work.media_s / _HOUR_S
        self.cpu_hours_low += work.cpu_s_low / _HOUR_S
        self.cpu_hours_high += work.cpu_s_high / _HOUR_S


class SplitPlan(msgspec.Struct, frozen=True):
    """The dropped share of a split, now and if all came back that may."""

    read: int
    dropped: int
    undecided: int
    may_come_back: int
    dropped_share_now: float
    dropped_share_at_best: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The whole plan.

    Attributes:
      lines: by repairs, the most examples first.
      objects: distinct media objects to fetch.
      cpu_hours: about, where copying does wherever it may, and where all is encoded.
      price_usd: of the tokens of what may come back, for one epoch; None where no price is known.
      left: examples that no repair brings back, by reason code.
    """

    run: str
    examples: int
    may_come_back: int
    lines: tuple[PlanLine, ...]
    objects: int
    read_bytes: int
    cpu_hours: tuple[float, float]
    splits: dict[str, SplitPlan]
    price_usd: tuple[float, float] | None
    left: dict[str, int]


def forecasts(
    run: FinishedRun, policy: Policy, edits: Collection[str], options: MediaOptions | None
) -> Iterator[Forecast]:
    """A forecast for each example of a run that it did not keep, in the order of its tables.

    Raises:
      InputError: a table is not as the run wrote it.
    """
    media: dict[str, ProbeResult] = {one.uri: one for batch in probe_results(run) for one in batch}
    for name in sorted(run.manifest.named(FileRole.VERDICTS)):
        table = run.folder.table(run.manifest, name, _COLUMNS)
        lost = table.filter(pc.not_equal(table["verdict"], Verdict.KEPT.value))
        for batch in lost.to_batches(max_chunksize=1024):
            for row in batch.to_pylist():
                yield forecast(row, media, policy, edits, options)


def plan(run: FinishedRun, found: Collection[Forecast], price_per_million_tokens: float | None) -> Plan:
    """The sums of all forecasts."""
    lines: dict[str, PlanLine] = {}
    left: dict[str, int] = {}
    sources: dict[str, int] = {}
    back_by_split: dict[str, int] = {}
    made: set[tuple[str, Order]] = set()
    fetched: set[tuple[str, str]] = set()
    for one in found:
        if not one.may_come_back:
            for code in one.left:
                left[code] = left.get(code, 0) + 1
            continue
        back_by_split[one.line_id.split] = back_by_split.get(one.line_id.split, 0) + 1
        key = ", ".join(one.repairs)
        line = lines.setdefault(key, PlanLine(repairs=key))
        line.examples_back += 1
        line.new_examples += one.examples
        line.read_bytes += sum(
            one.read_bytes // len(one.source_uris) for uri in one.source_uris if (key, uri) not in fetched
        )
        fetched.update((key, uri) for uri in one.source_uris)
        for work in one.work:
            if (work.uri, work.order) not in made:
                made.add((work.uri, work.order))
                line.add_work(work)
        line.tokens_low += one.tokens_low or 0
        line.tokens_high += one.tokens_high or 0
        if one.source_uris:
            each = one.read_bytes // len(one.source_uris)
            sources.update(dict.fromkeys(one.source_uris, each))
    ordered = tuple(sorted(lines.values(), key=lambda line: (-line.examples_back, line.repairs)))
    low, high = sum(line.tokens_low for line in ordered), sum(line.tokens_high for line in ordered)
    price = price_per_million_tokens
    return Plan(
        run=run.name,
        examples=len(found),
        may_come_back=sum(back_by_split.values()),
        lines=ordered,
        objects=len(sources),
        read_bytes=sum(sources.values()),
        cpu_hours=(sum(line.cpu_hours_low for line in ordered), sum(line.cpu_hours_high for line in ordered)),
        splits={name: _split(split, back_by_split.get(name, 0)) for name, split in run.report.splits.items()},
        price_usd=None if price is None else (low * price / 1e6, high * price / 1e6),
        left=dict(sorted(left.items(), key=lambda item: (-item[1], item[0]))),
    )


def plan_table(found: Collection[Forecast]) -> bytes:
    """`plan.parquet`: a row for each forecast."""
    rows: list[dict[str, Any]] = []
    for one in found:
        row = {name: getattr(one, name) for name in PLAN_SCHEMA.names if name in Forecast.__struct_fields__}
        place = one.line_id
        row |= {
            "files": sum(work.files for work in one.work),
            "write_bytes": sum(work.write_bytes for work in one.work),
            "media_s": sum(work.media_s for work in one.work),
            "cpu_s_low": sum(work.cpu_s_low for work in one.work),
            "cpu_s_high": sum(work.cpu_s_high for work in one.work),
        }
        row |= {"split": place.split, "file": encodable(place.file), "line": place.line}
        rows.append({**row, "offset_bytes": place.offset_bytes, "source_uris": [*map(encodable, one.source_uris)]})
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=PLAN_SCHEMA), sink, compression="zstd")
    return sink.getvalue()


def _split(split: Any, back: int) -> SplitPlan:
    """Undecided examples count as kept; what comes back may be dropped or undecided now."""
    read = split.read
    now = split.dropped / read if read else 0.0
    best = max(0, split.dropped + split.undecided - back) / read if read else 0.0
    return SplitPlan(read, split.dropped, split.undecided, back, now, min(now, best))
