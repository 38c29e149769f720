"""The table of what `repair` did: a row for each example that was not kept before. `docs/tables.md` describes it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from beam_tuning.media.media_table import column as _field
from beam_tuning.summary.distributions import encodable
from beam_tuning.summary.repaired import Repaired

EDIT = pa.struct(
    [
        _field("code", pa.string(), "Reason code of the edit; `beam-tuning reasons` explains each.", nullable=False),
        _field("path", pa.string(), "Where in the example; empty for the line as a whole.", nullable=False),
        _field("before", pa.string(), "What stood there; null where nothing did."),
        _field("after", pa.string(), "What stands there now; null where it was left out."),
    ]
)
TIME = pa.struct(
    [
        _field("path", pa.string(), "The text, e.g. `contents[1].parts[0].text`.", nullable=False),
        _field("before", pa.string(), "The time as it stood there, on the old file's time line.", nullable=False),
        _field("after", pa.string(), "The time as it stands there now, on the new file's time line.", nullable=False),
    ]
)
REPAIRS_SCHEMA = pa.schema(
    [
        _field("split", pa.string(), "train or validation.", nullable=False),
        _field("file", pa.string(), "Dataset file that the example stands in.", nullable=False),
        _field("line", pa.int64(), "Line in the file, from 1, blank lines counted.", nullable=False),
        _field("offset_bytes", pa.int64(), "Offset of the line's first byte in the uncompressed file.", nullable=False),
        _field("came_back", pa.bool_(), "Whether the example is kept now.", nullable=False),
        _field(
            "edits",
            pa.list_(pa.field("element", EDIT, nullable=False)),
            "What was changed; of an example that did not come back, what was tried and not written.",
            nullable=False,
        ),
        _field(
            "left",
            pa.list_(pa.field("element", pa.string(), nullable=False)),
            "Codes of the reasons that decide against the example still.",
            nullable=False,
        ),
        _field("why_not", pa.string(), "Why edits of its media did not bring the example back; null else."),
        _field(
            "times",
            pa.list_(pa.field("element", TIME, nullable=False)),
            "Every time of the texts before and after, where the media begin elsewhere now.",
            nullable=False,
        ),
    ]
)


def repairs_table(rows: Sequence[Repaired]) -> pa.Table:
    """A table of `REPAIRS_SCHEMA`, in the order given."""
    return pa.Table.from_pylist(
        [
            {
                "split": row.line_id.split,
                "file": encodable(row.line_id.file),
                "line": row.line_id.line,
                "offset_bytes": row.line_id.offset_bytes,
                "came_back": row.came_back,
                "edits": [
                    {
                        "code": edit.reason.code,
                        "path": encodable(edit.path),
                        "before": _text(edit.observed),
                        "after": _text(edit.limit),
                    }
                    for edit in row.edits
                ],
                "left": list(row.left),
                "why_not": _text(row.why_not),
                "times": [
                    {"path": path, "before": encodable(before), "after": encodable(after)}
                    for path, before, after in row.times
                ],
            }
            for row in rows
        ],
        schema=REPAIRS_SCHEMA,
    )


def _text(value: str | int | float | None) -> str | None:
    return None if value is None else encodable(str(value))
