"""A run folder on disk.

No link below the folder is followed: a subfolder or file that is a link could lead writing and deleting elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from beam_tuning.errors import OutputError
from beam_tuning.run_folder.files import CHUNK_BYTES, Checksum, Entry, changed_meanwhile
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.names import FOLDERS

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_SUBFOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class LocalFolder:
    """Implements `files.Folder` with file descriptors of the folders, so that no part of a path can be swapped."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return self._path

    def path_of(self, name: str) -> str:
        return os.path.join(self._path, name)

    def entry(self, name: str) -> Entry | None:
        try:
            with self._parent(name) as (parent, last):
                return _entry(name, os.stat(last, dir_fd=parent, follow_symlinks=False))
        except FileNotFoundError:
            return None
        except OSError as error:
            # A subfolder that is a link or a file; the folder itself may be a link.
            if error.errno in (errno.ELOOP, errno.ENOTDIR) and os.path.isdir(self._path):
                return Entry(name.partition("/")[0], 0, is_file=False)
            raise self._refusal(name, error) from error

    def entries(self, subfolder: str) -> Sequence[Entry]:
        own = self.entry(subfolder)
        if own is None:
            return []
        if own.is_file or not stat.S_ISDIR(os.lstat(self.path_of(subfolder)).st_mode):
            return [own._replace(is_file=False)]
        try:
            return sorted(self._walk(subfolder))
        except OSError as error:
            raise self._refusal(subfolder, error) from error

    def _walk(self, subfolder: str) -> Iterator[Entry]:
        with os.scandir(self.path_of(subfolder)) as found:
            for one in found:
                name = f"{subfolder}/{one.name}"
                if one.is_dir(follow_symlinks=False):
                    yield Entry(name, 0, is_file=False)
                else:
                    yield _entry(name, one.stat(follow_symlinks=False))

    def open(self, name: str) -> BinaryIO:
        with self._parent(name) as (parent, last):
            # A FIFO would wait for its writer.
            opened = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise OSError(errno.EINVAL, "It is no plain file", self.path_of(name))
        return os.fdopen(opened, "rb")

    def create(self, name: str, content: bytes) -> bool:
        try:
            self._make_folder()
            with self._parent(name) as (parent, last), _locked(parent):
                _create(parent, last, content)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._refusal(name, error) from error
        return True

    def replace(self, name: str, content: bytes, over: Entry) -> bool:
        # Who takes the old file away is who replaces it: of two that try, one finds it gone. Where there are locks,
        # nobody looks meanwhile.
        aside = f"{name}.{secrets.token_hex(4)}.replaced"
        try:
            with self._parent(name) as (parent, last), _locked(parent):
                os.rename(last, aside, src_dir_fd=parent, dst_dir_fd=parent)
                try:
                    taken = _entry(name, os.stat(aside, dir_fd=parent, follow_symlinks=False))
                    if taken.version != over.version:
                        os.link(aside, last, src_dir_fd=parent, dst_dir_fd=parent)
                        return False
                    _create(parent, last, content)
                finally:
                    os.unlink(aside, dir_fd=parent)
        except (FileNotFoundError, FileExistsError):
            return False
        except OSError as error:
            raise self._refusal(name, error) from error
        return True

    def writer(self, name: str, run_id: str) -> _LocalWriter:
        try:
            self._make_folder(name)
            return _LocalWriter(self, name, f"{name}.{run_id}-{secrets.token_hex(4)}.incomplete")
        except OSError as error:
            raise self._refusal(name, error) from error

    def delete(self, entry: Entry) -> None:
        try:
            with self._parent(entry.name) as (parent, last):
                os.unlink(last, dir_fd=parent)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._refusal(entry.name, error) from error

    def unfinished(self, run_id: str) -> Sequence[Entry]:
        begun = re.compile(rf".+\.{re.escape(run_id)}-[0-9a-f]{{8}}\.incomplete")
        found = [one for folder in FOLDERS for one in self.entries(folder)]
        with contextlib.suppress(FileNotFoundError), os.scandir(self._path) as top:
            found += [_entry(one.name, one.stat(follow_symlinks=False)) for one in top]
        return sorted(one for one in found if one.is_file and begun.fullmatch(one.name))

    def join(self, name: str, parts: Sequence[WrittenFile], run_id: str) -> WrittenFile:
        whole = Checksum()
        writer = self.writer(name, run_id)
        try:
            for part in parts:
                self._append(part, writer, whole)
        except BaseException:
            writer.abandon()
            raise
        writer.finish()
        return WrittenFile(
            name, sum(part.size_bytes for part in parts), whole.text(), sum(part.lines or 0 for part in parts)
        )

    def _append(self, part: WrittenFile, writer: _LocalWriter, whole: Checksum) -> None:
        checksum = Checksum()
        try:
            with self.open(part.name) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    writer.write(chunk)
                    whole.update(chunk)
                    checksum.update(chunk)
        except OSError as error:
            raise self._refusal(part.name, error) from error
        if checksum.text() != part.crc32c:
            raise changed_meanwhile(self.path_of(part.name))

    def _make_folder(self, name: str = "") -> None:
        os.makedirs(self._path, exist_ok=True)
        folder, slash, _ = name.rpartition("/")
        if slash:
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.path_of(folder))

    @contextlib.contextmanager
    def _parent(self, name: str) -> Iterator[tuple[int, str]]:
        """(descriptor of the folder that a name stands in, its last part)."""
        folder, _, last = name.rpartition("/")
        opened = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if folder:
                root, opened = opened, os.open(folder, _SUBFOLDER, dir_fd=opened)
                os.close(root)
            yield opened, last
        finally:
            os.close(opened)

    def _refusal(self, name: str, error: OSError) -> OutputError:
        return OutputError(
            "the output folder cannot be used",
            where=self.path_of(name),
            observed=error.strerror or type(error).__name__,
            remedy="Name a folder that you may write to, on a disk with room, without links below it.",
        )


class _LocalWriter:
    """Writes under a name that is new and of this attempt alone; `finish` renames."""

    def __init__(self, folder: LocalFolder, name: str, begun: str) -> None:
        self._folder = folder
        self._name = name
        self._begun = begun
        with folder._parent(begun) as (parent, last):
            self._file = os.fdopen(os.open(last, _NEW, 0o666, dir_fd=parent), "wb")

    def write(self, content: bytes) -> None:
        try:
            self._file.write(content)
        except OSError as error:
            raise self._folder._refusal(self._name, error) from error

    def finish(self) -> str:
        try:
            self._file.close()
            with self._folder._parent(self._name) as (parent, last):
                begun = self._begun.rpartition("/")[2]
                os.rename(begun, last, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            raise self._folder._refusal(self._name, error) from error
        return ""

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OutputError):
            self._folder.delete(Entry(self._begun, 0))


@contextlib.contextmanager
def _locked(folder: int) -> Iterator[None]:
    """Alone among those that lock the folder of a descriptor. Some network file systems have no locks."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)


def _create(parent: int, last: str, content: bytes) -> None:
    with os.fdopen(os.open(last, _NEW, 0o666, dir_fd=parent), "wb") as file:
        file.write(content)


def _entry(name: str, found: os.stat_result) -> Entry:
    version = f"{found.st_ino}-{found.st_mtime_ns}"
    return Entry(name, found.st_size, version=version, is_file=stat.S_ISREG(found.st_mode))
