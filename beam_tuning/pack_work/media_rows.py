"""What is written and counted of probed media: rows of the media table, and their summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from beam_tuning.media.info import ProbeResult
from beam_tuning.media.media_table import to_table
from beam_tuning.pack_work.codecs import results_from_bytes, results_to_bytes, table_to_ipc
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.uri_rewriting import UriRewriting


class SomeMedia:
    """Probe results, which travel to a worker process in their own encoding: as objects they would take ten times as
    long."""

    def __init__(self, results: Sequence[ProbeResult]) -> None:
        self.results = results

    def __reduce__(self) -> tuple[object, ...]:
        return _some_media, (results_to_bytes(self.results),)


def _some_media(data: bytes) -> SomeMedia:
    return SomeMedia(results_from_bytes(data))


class MediaRows(NamedTuple):
    """An Arrow table (`media.media_table.SCHEMA`) as an IPC stream, and an encoded `MediaSummary`."""

    table: bytes
    summary: bytes


@dataclass(frozen=True)
class TabulateMedia:
    """`SomeMedia` -> `MediaRows`; `rewriting` says which media stay on this machine."""

    rewriting: UriRewriting

    def __call__(self, some: SomeMedia) -> MediaRows:
        summary = MediaSummary.empty()
        for result in some.results:
            summary.add(result, self.rewriting.get(result.uri))
        return MediaRows(table_to_ipc(to_table(some.results)), summary.to_bytes())
