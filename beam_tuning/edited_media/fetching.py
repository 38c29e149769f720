"""A media object as a local file, for as long as edits of it are made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from beam_tuning.edited_media.orders import SourceObject
from beam_tuning.media.info import ObjectInfo
from beam_tuning.media.location import Location, locate
from beam_tuning.media.media_table import is_unchanged
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError

_HEAD_BYTES = 1 << 20
#: A whole object is read, which takes longer than a probe may.
_LONGEST_FETCH_S = 4 * 3600.0


class CannotFetch(Exception):
    """The object cannot be had; the text ends a sentence that begins with `the file`."""

    def __init__(self, why: str, *, is_transient: bool) -> None:
        super().__init__(why)
        self.is_transient = is_transient


def fetch_options(options: ProbeOptions, max_bytes: int) -> ProbeOptions:
    """Options for reading whole objects of at most so many bytes."""
    return msgspec.structs.replace(
        options,
        object_timeout_s=_LONGEST_FETCH_S,
        read_timeout_s=_LONGEST_FETCH_S,
        max_received_bytes=max_bytes + max_bytes // 10 + (64 << 20),
        threads=1,
    )


@contextmanager
def fetched(source: SourceObject, options: ProbeOptions, scratch: Path, max_bytes: int) -> Iterator[str]:
    """The path of a file with the object's bytes; a file of this machine is read where it lies.

    Args:
      options: as the run had them.
      scratch: a folder of the caller's.
      max_bytes: of the object.

    Raises:
      CannotFetch: it is not the object that was probed, is larger than `max_bytes`, or cannot be read.
    """
    size_bytes = source.info.size_bytes
    if size_bytes is not None and size_bytes > max_bytes:
        raise CannotFetch(f"has {size_bytes:,} bytes; at most {max_bytes:,} are fetched", is_transient=False)
    stores = Stores(fetch_options(options, max_bytes))
    try:
        with closing(stores.reader(source.uri)) as reader:
            location = locate(source.uri)
            if isinstance(location, Location) and location.store == "file":
                _check(source.info, reader.stat())
                yield location.path
                _check(source.info, reader.stat())
                return
            info, head = reader.open(_HEAD_BYTES)
            _check(source.info, info)
            path = scratch / "source"
            with path.open("xb") as file:
                file.write(head)
                received = len(head)
                for piece in reader.stream(received) if received < (info.size_bytes or 0) else ():
                    received += len(piece)
                    if received > max_bytes:
                        raise CannotFetch(f"has more than {max_bytes:,} bytes", is_transient=False)
                    file.write(piece)
            if received != info.size_bytes:
                raise CannotFetch(f"broke off after {received:,} bytes", is_transient=True)
    except StoreError as error:
        why = f"cannot be read: {error.failure.message.rstrip('.')}"
        raise CannotFetch(why, is_transient=error.failure.transient) from error
    except OSError as error:
        why = f"could not be written to {scratch}: {error.strerror or error}"
        raise CannotFetch(why, is_transient=True) from error
    finally:
        stores.close()
    try:
        yield str(path)
    finally:
        os.unlink(path)


def _check(before: ObjectInfo, now: ObjectInfo) -> None:
    if not is_unchanged(before, now):
        raise CannotFetch("has been changed since the run judged it", is_transient=False)
