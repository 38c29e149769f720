"""The verdict table: a row for each example, typed, units in the names. `docs/tables.md` describes it for readers.

Columns are built whole from flat lists, nested ones by offsets: a dict for each finding and each media part would cost
several times the rest of the pipeline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import accumulate

import pyarrow as pa

from beam_tuning.media.media_table import column as _field
from beam_tuning.summary.distributions import LARGEST, encodable
from beam_tuning.summary.judged_example import JudgedExample, PartFacts
from beam_tuning.summary.media_summary import PROBED

FINDING = pa.struct(
    [
        _field("code", pa.string(), "Reason code; `beam-tuning reasons` explains each.", nullable=False),
        _field(
            "outcome", pa.string(), "What the service does: rejects-job, drops-example, over-limit, ...", nullable=False
        ),
        _field("message", pa.string(), "What was seen, as a sentence.", nullable=False),
        _field("path", pa.string(), "Where in the example; empty for the line as a whole.", nullable=False),
        _field("observed", pa.string(), "The value seen, as text; null where the reason has none."),
        _field("observed_number", pa.float64(), "The value seen where it is a number, in the unit the message names."),
        _field("limit", pa.string(), "The value allowed, as text; null where the reason has none."),
        _field("limit_number", pa.float64(), "The value allowed where it is a number, in the same unit."),
    ]
)

MEDIA = pa.struct(
    [
        _field("path", pa.string(), "The part, e.g. `contents[0].parts[1]`.", nullable=False),
        _field("role", pa.string(), "Role of the turn that the part stands in.", nullable=False),
        _field("uri", pa.string(), "As the dataset spells it; joins with `uri` of the media table.", nullable=False),
        _field("mime_type", pa.string(), "As declared; null when absent."),
        _field("kind", pa.string(), "audio, video, image or document as the MIME type says; null when it says none."),
        _field("media_resolution", pa.string(), "The part's own level; null when absent."),
        _field("start_ns", pa.int64(), "Start of the segment in nanoseconds; null when absent."),
        _field("end_ns", pa.int64(), "End of the segment in nanoseconds; null when absent."),
        _field("fps", pa.float64(), "Frames a second that the model shall see; null when absent."),
        _field("probe", pa.string(), "`probed`, the kind of failure, or null when the URI was not probed."),
        _field("container", pa.string(), "Container found in the bytes; null unless probed."),
        _field("duration_s", pa.float64(), "Length of the whole object in seconds; null when unknown."),
        _field("size_bytes", pa.int64(), "Size of the whole object; null when unknown."),
        _field("generation", pa.string(), "Cloud Storage generation that was probed; null elsewhere."),
    ]
)

VERDICT_SCHEMA = pa.schema(
    [
        _field("split", pa.string(), "train or validation.", nullable=False),
        _field("file", pa.string(), "Dataset file that the example stands in.", nullable=False),
        _field("line", pa.int64(), "Line in the file, from 1, blank lines counted.", nullable=False),
        _field("offset_bytes", pa.int64(), "Offset of the line's first byte in the uncompressed file.", nullable=False),
        _field("size_bytes", pa.int64(), "Size of the line without its newline.", nullable=False),
        _field("line_hash", pa.binary(16), "BLAKE2b of the line's bytes, 128 bits; equal lines have equal ones."),
        _field("verdict", pa.string(), "kept, dropped, undecided or sampled-out.", nullable=False),
        _field("media_resolution", pa.string(), "The example's `generationConfig.mediaResolution`; null when absent."),
        _field("text_chars", pa.int64(), "Characters of text that counts as tokens.", nullable=False),
        _field("tokens_low", pa.int64(), "Lower end of the estimate of input plus output tokens; null when unknown."),
        _field("tokens_high", pa.int64(), "Upper end of the estimate of input plus output tokens; null when unknown."),
        _field("prompt_start", pa.string(), "Start of the first user text.", nullable=False),
        _field(
            "findings", pa.list_(pa.field("element", FINDING, nullable=False)), "Every reason found.", nullable=False
        ),
        _field("media", pa.list_(pa.field("element", MEDIA, nullable=False)), "Media parts in order.", nullable=False),
    ]
)


def line_hash(line: bytes) -> bytes:
    """16 bytes that tell a line from all others: where it stands, and in which run, does not matter."""
    return hashlib.blake2b(line, digest_size=16).digest()


def verdict_table(judged: Sequence[JudgedExample], line_hashes: Sequence[bytes] | None = None) -> pa.Table:
    """A row for each example, in the order given.

    Args:
      judged: any number of examples.
      line_hashes: `line_hash` of the line of each; without them the column is null.

    Returns:
      A table of `VERDICT_SCHEMA`.
    """
    places = [one.line_id for one in judged]
    tokens = [one.tokens for one in judged]
    columns = [
        _text([place.split for place in places]),
        _text([place.file for place in places]),
        _integers([place.line for place in places]),
        _integers([place.offset_bytes for place in places]),
        _integers([one.size_bytes for one in judged]),
        pa.nulls(len(judged), pa.binary(16)) if line_hashes is None else pa.array(line_hashes, pa.binary(16)),
        _text([one.verdict for one in judged]),
        _text([one.media_resolution for one in judged]),
        _integers([one.text_chars for one in judged]),
        _integers([None if one is None else one.low for one in tokens]),
        _integers([None if one is None else one.high for one in tokens]),
        _text([one.prompt_start for one in judged]),
        _findings(judged),
        _media(judged),
    ]
    return pa.Table.from_arrays(columns, schema=VERDICT_SCHEMA)


def _findings(judged: Sequence[JudgedExample]) -> pa.Array:
    findings = [finding for one in judged for finding in one.findings]
    columns = [
        _text([finding.reason.name for finding in findings]),
        _text([finding.reason.outcome for finding in findings]),
        _text([finding.message for finding in findings]),
        _text([finding.path for finding in findings]),
        _text([_as_text(finding.observed) for finding in findings]),
        pa.array([_as_number(finding.observed) for finding in findings], pa.float64()),
        _text([_as_text(finding.limit) for finding in findings]),
        pa.array([_as_number(finding.limit) for finding in findings], pa.float64()),
    ]
    return _lists(columns, FINDING, [len(one.findings) for one in judged])


def _media(judged: Sequence[JudgedExample]) -> pa.Array:
    media = [facts for one in judged for facts in one.media]
    parts = [facts.given for facts in media]
    segments = [part.segment for part in parts]
    objects = [None if facts.result is None else facts.result.object for facts in media]
    infos = [facts.info for facts in media]
    columns = [
        _text([part.path for part in parts]),
        _text([part.role for part in parts]),
        _text([part.uri for part in parts]),
        _text([part.mime_type for part in parts]),
        _text([part.kind for part in parts]),
        _text([part.media_resolution for part in parts]),
        _integers([None if one is None else one.start_ns for one in segments]),
        _integers([None if one is None else one.end_ns for one in segments]),
        pa.array([None if one is None else one.fps for one in segments], pa.float64()),
        _text([_probe(facts) for facts in media]),
        _text([None if info is None else info.container for info in infos]),
        pa.array([None if info is None else info.duration_s for info in infos], pa.float64()),
        _integers([facts.size_bytes for facts in media]),
        _text([None if one is None else one.generation for one in objects]),
    ]
    return _lists(columns, MEDIA, [len(one.media) for one in judged])


def _probe(facts: PartFacts) -> str | None:
    if facts.failure is not None:
        return facts.failure.kind
    return None if facts.info is None else PROBED


def _lists(columns: list[pa.Array], struct: pa.StructType, lengths: Iterable[int]) -> pa.Array:
    """A list column of structs from the structs' columns and the length of each list."""
    offsets = pa.array(accumulate(lengths, initial=0), pa.int32())
    items = pa.StructArray.from_arrays(columns, fields=list(struct))
    return pa.ListArray.from_arrays(offsets, items, type=pa.list_(pa.field("element", struct, nullable=False)))


def _integers(values: list[int | None]) -> pa.Array:
    try:
        return pa.array(values, pa.int64())
    except OverflowError:  # a segment offset of centuries, or a size that no object has
        return pa.array([None if value is None or abs(value) > LARGEST else value for value in values], pa.int64())


def _text(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if value is None else encodable(value) for value in values], pa.string())


def _as_text(value: str | int | float | None) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _as_number(value: str | int | float | None) -> float | None:
    if value is None or isinstance(value, str):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
