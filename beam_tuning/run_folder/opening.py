"""From the name of a folder, as a person gives it, to the folder."""

from __future__ import annotations

import os
import re

from beam_tuning.errors import OutputError
from beam_tuning.run_folder.files import Folder
from beam_tuning.run_folder.local import LocalFolder

SCHEME = "gs://"
#: https://cloud.google.com/storage/docs/buckets#naming
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
#: https://cloud.google.com/storage/docs/objects#naming: 1,024 bytes, of which a run's own names take at most 100.
_LONGEST_FOLDER_BYTES = 1024 - 100
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_folder(name: str, option: str = "--output") -> Folder:
    """The folder of that very name; no character of it is a wildcard. Nothing is read or made.

    Args:
      name: a local path or gs:// URI.
      option: for the error.

    Raises:
      OutputError: no folder can have this name.
    """
    fault = _fault_of(name)
    if fault is not None:
        what, remedy = fault
        raise OutputError(what, where=option, observed=_shown(name), remedy=remedy)
    if name.startswith(SCHEME):
        from beam_tuning.run_folder.gcs import GcsFolder  # its client takes half a second to import

        bucket, _, folder = name.rstrip("/").removeprefix(SCHEME).partition("/")
        return GcsFolder(bucket, folder)
    return LocalFolder(name.rstrip("/") or "/")


def _fault_of(name: str) -> tuple[str, str] | None:
    if not name.strip():
        return "no folder is named", "Give a local path or gs://bucket/folder."
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "the folder's name is not valid UTF-8", "Give another name."
    if "\0" in name:
        return "the folder's name holds a null character", "Give another name."
    if not name.startswith(SCHEME):
        scheme = _SCHEME.match(name)
        if scheme:
            return f"run folders do not lie on {scheme[1][:20]}://", "Give a local path or gs://bucket/folder."
        return None
    bucket, _, folder = name.removeprefix(SCHEME).partition("/")
    if not _BUCKET.fullmatch(bucket):
        return "this is no name of a bucket", "Give gs://bucket/folder, with a bucket of small letters and digits."
    if "\n" in folder or "\r" in folder:
        return "objects on Cloud Storage have no line breaks in their names", "Give another name."
    parts = folder.rstrip("/").split("/") if folder.rstrip("/") else []
    if any(part in ("", ".", "..") for part in parts):
        return "the folder's name has an empty part, or one of dots", "Give gs://bucket/folder."
    if len(encoded) - len(SCHEME) - len(bucket) > _LONGEST_FOLDER_BYTES:
        return "the folder's name is too long for Cloud Storage", f"Give one of at most {_LONGEST_FOLDER_BYTES} bytes."
    return None


def _shown(name: str) -> str:
    return ascii(name) if len(name) <= 200 else f"{name[:200]!a} …"


def is_remote(name: str) -> bool:
    """Whether the folder lies on Cloud Storage, where the tuning service can read it."""
    return name.startswith(SCHEME)


def same_folder(one: str, other: str) -> bool:
    """Whether two names lead to one folder, links followed."""
    return _identity(one) == _identity(other)


def _identity(name: str) -> str:
    return name.rstrip("/") if is_remote(name) else os.path.realpath(name)
