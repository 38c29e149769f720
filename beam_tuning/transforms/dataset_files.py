"""Dataset files in their stores: listed, and read as they were when they were listed.

A file that changes while a job reads it would end as a dataset that never was: some lines old, some new, some lost. So
a listed file carries its version, and whoever reads it reads that version or raises `FileChanged`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import requests
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.gcp.gcsio import BeamBlobReader, parse_gcs_path
from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Blob, Bucket

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import FileChanged, InputError
from beam_tuning.run_folder.gcs import LOOKUP_RETRY
from beam_tuning.transforms.files import open_file

GCS = "gs://"
_UNREACHABLE = "Cloud Storage does not answer this machine"


def local_file(split: str, path: str) -> InputFile:
    """A file of this machine as it is now. Its version is size and time of the last change.

    Raises:
      OSError: there is no such file, or it may not be looked at.
    """
    status = os.stat(path)
    return InputFile(split, path, status.st_size, f"{status.st_size} bytes of {status.st_mtime_ns} ns")


def find_object(split: str, bucket: str, name: str) -> InputFile | None:
    """The object of that name as it is now; None when there is none. Its version is its generation
    (https://docs.cloud.google.com/storage/docs/metadata#generation-number).

    Raises:
      ConnectionError: Cloud Storage does not answer.
      OSError: it does not say.
    """
    with _errors_of_the_client():
        blob = _bucket(bucket).get_blob(name, retry=LOOKUP_RETRY)
    return None if blob is None else _gcs_file(split, blob)


def list_objects(split: str, bucket: str, prefix: str) -> Iterator[InputFile]:
    """The objects whose names begin so, as `find_object` gives one.

    Raises:
      ConnectionError: Cloud Storage does not answer.
      OSError: it does not say.
    """
    with _errors_of_the_client():
        for blob in _bucket(bucket).list_blobs(prefix=prefix, retry=LOOKUP_RETRY):
            yield _gcs_file(split, blob)


@contextmanager
def _errors_of_the_client() -> Iterator[None]:
    try:
        yield
    except (RetryError, requests.ConnectionError) as error:
        raise ConnectionError(_UNREACHABLE) from error
    except (GoogleAPIError, GoogleAuthError) as error:
        raise OSError(str(error)) from error


def _gcs_file(split: str, blob: Blob) -> InputFile:
    return InputFile(split, f"{GCS}{blob.bucket.name}/{blob.name}", blob.size, str(blob.generation))


def _bucket(name: str) -> Bucket:
    """A bucket as Beam's own reader would reach it: with the credentials that the options of the pipeline name."""
    beams: Any = FileSystems.get_filesystem(GCS)
    return beams._gcsIO().client.bucket(name)


@contextmanager
def open_dataset_file(file: InputFile) -> Iterator[BinaryIO]:
    """The bytes as stored. The block must read all that it wants to know.

    Raises:
      FileChanged: the file is not, or is no longer when the block ends, the one that was listed.
      OSError: it cannot be opened.
    """
    if not file.version:
        with open_file(file.path) as stream:
            yield stream
    elif file.path.startswith(GCS):
        yield from _read_generation(file)
    else:
        yield from _read_local(file)


def _read_local(file: InputFile) -> Iterator[BinaryIO]:
    _check_local(file)
    try:
        with open_file(file.path) as stream:
            yield stream
    except InputError:
        _check_local(file)  # What looks like a damaged file may be a changed one.
        raise
    _check_local(file)


def _check_local(file: InputFile) -> None:
    now = local_file(file.split, file.path)
    if now != file:
        same_size = "as many bytes, written at another time"
        grown = f"{now.size_bytes:,} bytes, {file.size_bytes:,} when the run began"
        raise _changed(file, same_size if now.size_bytes == file.size_bytes else grown)


def _read_generation(file: InputFile) -> Iterator[BinaryIO]:
    bucket, name = parse_gcs_path(file.path)
    try:
        with BeamBlobReader(_bucket(bucket).blob(name, generation=int(file.version))) as stream:
            yield stream
    except NotFound as error:
        raise _changed(file, f"generation {file.version} of the object is gone") from error
    except Forbidden as error:
        raise PermissionError(13, "The account that runs the job may not read it", file.path) from error


def _changed(file: InputFile, observed: str) -> FileChanged:
    return FileChanged(
        "the file changed after the run had begun",
        where=file.path,
        observed=observed,
        remedy="Run again when nothing writes to it any more.",
    )
