"""The local media of a run's kept examples: found, and held against what the run probed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from beam_tuning.errors import InputError
from beam_tuning.finished_run.kept import is_local, kept_uris, local_path
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.finished_run.probed import probe_results
from beam_tuning.media.info import ObjectInfo
from beam_tuning.media.media_table import is_unchanged
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError
from beam_tuning.run_folder.files import CHUNK_BYTES, Checksum

#: Files read at once; one disk or network drive is not faster with more.
THREADS = 8
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


class LocalMedia(NamedTuple):
    """A local file whose bytes are known.

    Attributes:
      uri: as the dataset spells it.
      sha256: hexadecimal.
      crc32c: as Cloud Storage shows it.
    """

    uri: str
    path: str
    size_bytes: int
    sha256: str
    crc32c: str


def local_uris(run: FinishedRun) -> list[str]:
    """The distinct URIs of kept examples that name files of this machine, sorted.

    Raises:
      InputError: a verdict table is damaged.
    """
    return sorted(uri for uri in kept_uris(run) if is_local(uri))


def check_unchanged(run: FinishedRun, uris: list[str]) -> None:
    """Raises InputError when a file is not there or not the one that the run probed."""
    probed = _probed(run, uris)
    stores = Stores(ProbeOptions(allow_local_media=True))
    try:
        faults = {uri: fault for uri in uris if (fault := _fault(stores, uri, probed.get(uri)))}
    finally:
        stores.close()
    if faults:
        uri = next(iter(faults))
        more = f" and {len(faults) - 1:,} more files" if len(faults) > 1 else ""
        remedy = "Run `beam-tuning validate` again, so that what is uploaded is what was judged."
        if not os.path.isabs(uri) and not uri.startswith("file:"):
            remedy = f"Paths that are not absolute begin in the current folder. {remedy}"
        raise InputError(
            "local media are not those that the run judged",
            where=ascii(uri)[1:-1],
            observed=f"{faults[uri]}{more}",
            remedy=remedy,
        )


def read_all(uris: Iterable[str]) -> Iterator[LocalMedia]:
    """Reads every file for its checksums, in the order given.

    Raises:
      InputError: a file cannot be read.
    """
    with ThreadPoolExecutor(THREADS, "read") as pool:
        try:
            yield from pool.map(_read, uris)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def chunks_of(path: str) -> Iterator[bytes]:
    """A file's content.

    Raises:
      InputError: it cannot be read.
    """
    try:
        # A named pipe would wait for its writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise InputError(
            "the file cannot be read", where=ascii(path)[1:-1], observed=error.strerror or type(error).__name__
        ) from error


def object_name(media: LocalMedia) -> str:
    """The name of the object for these bytes: the same bytes get the same name, whatever the file's."""
    suffix = os.path.splitext(media.path)[1]
    return f"{media.sha256}{suffix.lower() if _SUFFIX.fullmatch(suffix) else ''}"


def _read(uri: str) -> LocalMedia:
    path = local_path(uri)
    if path is None:
        raise ValueError(f"{uri} is no local file")
    digest, checksum, size_bytes = hashlib.sha256(), Checksum(), 0
    for chunk in chunks_of(path):
        digest.update(chunk)
        checksum.update(chunk)
        size_bytes += len(chunk)
    return LocalMedia(uri, path, size_bytes, digest.hexdigest(), checksum.text())


def _probed(run: FinishedRun, uris: list[str]) -> Mapping[str, ObjectInfo | None]:
    wanted = set(uris)
    return {result.uri: result.object for results in probe_results(run) for result in results if result.uri in wanted}


def _fault(stores: Stores, uri: str, before: ObjectInfo | None) -> str | None:
    reader = stores.reader(uri)
    try:
        now = reader.stat()
    except StoreError as error:
        return error.failure.message
    finally:
        reader.close()
    if before is None:
        return "The run did not probe the file."
    return None if is_unchanged(before, now) else "The file has been changed since the run."
