"""What a finished run found out about its media objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from beam_tuning.errors import InputError
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.media.info import ProbeResult
from beam_tuning.media.media_table import SCHEMA, from_table
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.run_folder.names import FileRole

_BATCH_ROWS = 4096


def probe_results(run: FinishedRun) -> Iterator[list[ProbeResult]]:
    """The rows of the media table in batches, in their order.

    Raises:
      InputError: a table is not as the run wrote it.
    """
    for name in sorted(run.manifest.named(FileRole.MEDIA)):
        table = run.folder.table(run.manifest, name, SCHEMA.names)
        for start in range(0, table.num_rows, _BATCH_ROWS):
            rows = table.slice(start, _BATCH_ROWS)
            results = list(from_table(rows))
            if len(results) != rows.num_rows:
                raise InputError(
                    "the media table holds rows that this version of beam-tuning does not know",
                    where=run.folder.path_of(name),
                    observed=f"{rows.num_rows - len(results):,} such rows",
                    remedy="Use the version of beam-tuning that made the run, or run `validate` again.",
                )
            yield results


def probe_options(run: FinishedRun, **given: Any) -> ProbeOptions:
    """How to read the run's media: as the run did, but for what is given now.

    Args:
      given: fields of `ProbeOptions`; None or False leaves what the run had.
    """
    options: dict[str, Any] = {}
    for name in ("allow_local_media", "allow_private_addresses", "billing_project"):
        before = run.report.options.get(name)
        if isinstance(before, str if name == "billing_project" else bool):
            options[name] = before
    options |= {name: value for name, value in given.items() if value}
    return ProbeOptions(**options)
