"""The request that starts a tuning job with the cleaned files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from beam_tuning.report import tuning_job
from beam_tuning.report.sections.section import Section

if TYPE_CHECKING:
    from beam_tuning.report.document import Document


def _context(document: Document) -> Mapping[str, Any]:
    request = msgspec.json.encode(tuning_job.tuning_job(document))
    return {"request": msgspec.json.format(request, indent=2).decode(), "bucket": tuning_job.BUCKET_TO_NAME}


SECTION: Section = Section(
    name="tuning-job",
    title="Tuning job",
    template="tuning_job.html",
    context=_context,
    docs="""\
The body of `tuning_job.json`, to be copied; the terminal shows it as well when the cleaned dataset is ready.
""",
)
