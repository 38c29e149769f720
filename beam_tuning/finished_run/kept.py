"""The kept examples of a finished run and the media that they name, from the verdict tables; no line is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.media.location import Location, locate
from beam_tuning.run_folder.lookup import LineSource


class KeptExample(NamedTuple):
    """A kept example that names certain media: where it stands, and which of them it names."""

    source: LineSource
    uris: tuple[str, ...]


def kept_uris(run: FinishedRun) -> set[str]:
    """Every distinct media URI of the kept examples, as the dataset spells them.

    Raises:
      InputError: a verdict table is damaged.
    """
    found: set[str] = set()
    for split in run.splits:
        for table in run.lines(split).batches(["media"]):
            found.update(pc.unique(_uris(table)).to_pylist())
    return found


def kept_with(run: FinishedRun, uris: Collection[str]) -> Iterator[KeptExample]:
    """Kept examples that name any of these URIs, in the order of the tuning files.

    Raises:
      InputError: a verdict table is damaged.
    """
    wanted = pa.array(sorted(uris), pa.string())
    if not len(wanted):
        return
    for split in run.splits:
        for table in run.lines(split).batches(["split", "file", "line", "offset_bytes", "media"]):
            media = table["media"].combine_chunks()
            hits = pc.list_parent_indices(media).filter(pc.is_in(_uris(table), value_set=wanted)).unique()
            for row in table.take(hits).to_pylist():
                named = dict.fromkeys(part["uri"] for part in row["media"] if part["uri"] in uris)
                yield KeptExample(LineSource.of(row), tuple(named))


def _uris(table: pa.Table) -> pa.Array:
    return pc.struct_field(pc.list_flatten(table["media"].combine_chunks()), "uri")


def is_local(uri: str) -> bool:
    """Whether the URI names a file of some machine, which the tuning service cannot read."""
    return local_path(uri) is not None


def local_path(uri: str) -> str | None:
    """The path of a file of this machine that a media URI names."""
    location = locate(uri)
    return location.path if isinstance(location, Location) and location.store == "file" else None


def bucket_of(uri: str) -> str | None:
    """The Cloud Storage bucket that a media URI names."""
    location = locate(uri)
    return location.host if isinstance(location, Location) and location.store == "gs" else None
