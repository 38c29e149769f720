"""Sending files to Cloud Storage: each once, whole, and compared by checksum; what is there already is not sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from beam_tuning.errors import OptionError, OutputError
from beam_tuning.run_folder.files import Folder
from beam_tuning.run_folder.opening import is_remote, open_folder
from beam_tuning.run_folder.writing import RunTarget, write_file


class Sent(NamedTuple):
    """An object in the target folder; `was_there` when nothing had to be sent."""

    uri: str
    size_bytes: int
    crc32c: str
    generation: str
    was_there: bool


def target_folder(name: str, option: str) -> Folder:
    """The folder of an option.

    Raises:
      OptionError: it does not lie on Cloud Storage.
      OutputError: no folder can have this name.
    """
    if not is_remote(name):
        raise OptionError(
            "the tuning service reads Cloud Storage only",
            where=option,
            observed=name,
            limit="gs://bucket/folder",
            remedy="Give a folder of a bucket of yours.",
        )
    return open_folder(name, option)


def send(
    folder: Folder,
    name: str,
    size_bytes: int,
    crc32c: str,
    contents: Callable[[], Iterable[bytes]],
    *,
    replace: bool,
) -> Sent:
    """Makes the object hold these bytes.

    Args:
      size_bytes, crc32c: of the content.
      contents: opens the content; called only when it must be sent.
      replace: whether an object of that name with another content is replaced.

    Raises:
      OutputError: the store refuses, an object of that name has another content, or the content is another one by now.
    """
    present = folder.entry(name)
    if present is not None:
        if (present.size_bytes, present.crc32c) == (size_bytes, crc32c):
            return Sent(folder.path_of(name), size_bytes, crc32c, present.version, was_there=True)
        if not replace:
            raise OutputError(
                "another object lies where this one goes",
                where=folder.path_of(name),
                observed=f"{present.size_bytes:,} bytes, crc32c {present.crc32c}",
                limit=f"{size_bytes:,} bytes, crc32c {crc32c}",
                remedy="Delete that object, or name another folder.",
            )
    written = write_file(RunTarget(folder.name, ""), name, contents())
    arrived = folder.entry(name)
    expected = (size_bytes, crc32c)
    if (written.size_bytes, written.crc32c) != expected:
        raise OutputError(
            "the file was changed while it was sent",
            where=folder.path_of(name),
            observed=f"{written.size_bytes:,} bytes, crc32c {written.crc32c}",
            limit=f"{size_bytes:,} bytes, crc32c {crc32c}",
            remedy="Run the command again.",
        )
    if arrived is None or (arrived.size_bytes, arrived.crc32c) != expected:
        raise OutputError(
            "the object does not hold what was sent",
            where=folder.path_of(name),
            observed=f"crc32c {arrived.crc32c}" if arrived is not None else "no such object",
            limit=f"crc32c {crc32c}",
            remedy="Run the command again; nothing else may write to the folder meanwhile.",
        )
    return Sent(folder.path_of(name), size_bytes, crc32c, arrived.version, was_there=False)
