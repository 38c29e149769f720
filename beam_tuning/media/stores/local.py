"""Files of this machine, when they are allowed. Regular files only: nothing that blocks, nothing that has no size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeCost
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.store import Connect, Lane, Location, Refusal, Shared, StoreError, empty, unsupported

_CHUNK_BYTES = 256 * 1024
_KINDS = {
    errno.ENOENT: FailureKind.NOT_FOUND,
    errno.ENOTDIR: FailureKind.NOT_FOUND,
    errno.ENAMETOOLONG: FailureKind.NOT_FOUND,
    errno.ELOOP: FailureKind.NOT_FOUND,
    errno.EACCES: FailureKind.FORBIDDEN,
    errno.EPERM: FailureKind.FORBIDDEN,
    errno.ENXIO: FailureKind.UNREADABLE,
    errno.EISDIR: FailureKind.UNREADABLE,
}


class LocalStore:
    """Files by path or by file: URI (RFC 8089). Whether they are read at all is an option."""

    name = "file"
    schemes: tuple[str, ...] = ("file",)

    def parse(self, uri: str) -> Location | Refusal:
        path = uri
        if uri[:5].lower() == "file:":
            rest = uri[5:]
            if rest.startswith("//"):
                host, slash, path = rest[2:].partition("/")
                if host.lower() not in ("", "localhost"):
                    return Refusal("is no file: URI of this machine: it names another host")
                rest = slash + path
            path = unquote(rest, errors="surrogateescape")
            if not path.startswith("/") or path.endswith("/"):
                return Refusal("is no file: URI of a file: it holds the whole path, as in file:///data/a.wav")
        if "\x00" in path:
            return Refusal("is no path: no file's name has a NUL in it")
        return Location(self.name, "", path)

    def lane(self, location: Location) -> Lane:
        return Lane("this machine", is_service=True)

    def link(self, location: Location) -> str | None:
        path = location.path
        # Two slashes at the start would name another machine.
        if not path.startswith("/") or path[1:2] in ("/", "\\"):
            return None
        return f"file://{quote(path, safe='/', errors='surrogateescape')}"

    def connect(self, shared: Shared) -> Connect:
        if not shared.options.allow_local_media:
            return _not_allowed
        return lambda location, budget: LocalReader(location.path, budget)


def _not_allowed(location: Location, budget: Budget) -> LocalReader:
    raise unsupported("names a file of this machine, which is read only with --allow_local_media")


class LocalReader:
    """One file, held open from the first read on. Each read of it counts as a request."""

    heard = True

    def __init__(self, path: str, budget: Budget) -> None:
        self._path = path
        self._budget = budget
        self._descriptor = -1
        self._size_bytes = 0

    def open(self, head_bytes: int) -> tuple[ObjectInfo, bytes]:
        info = self.stat()
        return info, self._pread(0, min(head_bytes, self._size_bytes))

    def read(self, ranges: Sequence[ByteRange]) -> tuple[bytes, ...]:
        self._budget.add_round()
        return tuple(self._pread(start, stop) for start, stop in ranges)

    def stream(self, start: int) -> Iterator[bytes]:
        self._budget.add_round()
        while start < self._size_bytes:
            chunk = self._pread(start, min(start + _CHUNK_BYTES, self._size_bytes), new_request=False)
            start += len(chunk)
            yield chunk

    def stat(self) -> ObjectInfo:
        self._budget.add_round()
        status = self._opened()
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(FailureKind.UNREADABLE, "The path names no regular file.")
        if not status.st_size:
            raise empty()
        self._size_bytes = status.st_size
        return ObjectInfo(size_bytes=status.st_size, etag=_tag(status))

    @property
    def cost(self) -> ProbeCost:
        return self._budget.cost

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _opened(self) -> os.stat_result:
        self.close()
        try:
            # Without O_NONBLOCK, a named pipe without a writer would hold the probe for ever.
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            return os.fstat(self._descriptor)
        except OSError as error:
            raise _failure(error) from None

    def _pread(self, start: int, stop: int, *, new_request: bool = True) -> bytes:
        if new_request:
            self._budget.add_request()
        parts: list[bytes] = []
        while start < stop:
            try:
                part = os.pread(self._descriptor, stop - start, start)
            except OSError as error:
                raise _failure(error) from None
            if not part:
                raise StoreError(FailureKind.CHANGED, "The file became shorter while it was read.", transient=True)
            self._budget.add_bytes(len(part))
            parts.append(part)
            start += len(part)
        return b"".join(parts)


def _tag(status: os.stat_result) -> str:
    """What changes whenever the file does, though its size and its time of modification may have been set back.

    The time of the last change of its status cannot be set (https://man7.org/linux/man-pages/man7/inode.7.html), and
    a file that takes the place of another has another inode. A file that was only copied or renamed is probed again.
    """
    return f'"{status.st_ino:x}-{status.st_ctime_ns:x}-{status.st_mtime_ns:x}-{status.st_size:x}"'


def _failure(error: OSError) -> StoreError:
    kind = _KINDS.get(error.errno or 0)
    reason = os.strerror(error.errno or errno.EIO)
    return StoreError(kind or FailureKind.SERVER_ERROR, f"The file cannot be read: {reason}.", transient=kind is None)
