"""What local folders and folders on Cloud Storage have in common."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple, Protocol

import google_crc32c

from beam_tuning.errors import OutputError
from beam_tuning.run_folder.manifest import WrittenFile

#: Bytes of one read or write call.
CHUNK_BYTES = 8 << 20


class Entry(NamedTuple):
    """Something below the folder.

    Attributes:
      name: relative to the folder.
      size_bytes: of a file.
      crc32c: as the store tells it; None where it must be read.
      version: tells this content from what stands there at another time: the generation on Cloud Storage, inode and
        time on disk.
      is_file: whether it is a plain file; False for a folder, a link, a device.
    """

    name: str
    size_bytes: int
    crc32c: str | None = None
    version: str = ""
    is_file: bool = True


class Writer(Protocol):
    """One file being written. It appears under its name when it is finished, whole, or never."""

    def write(self, content: bytes) -> None: ...

    def finish(self) -> str:
        """Puts the file under its name; gives its version (see `Entry`)."""
        ...

    def abandon(self) -> None:
        """Leaves nothing under the name."""
        ...


class Folder(Protocol):
    """A folder whose names are those of `names`: at most one `/`.

    All methods raise OutputError where the store refuses or cannot be reached, but for `open`.
    """

    @property
    def name(self) -> str:
        """The path or gs:// URI, without a slash at the end."""
        ...

    def path_of(self, name: str) -> str:
        """The path or URI of a file below the folder."""
        ...

    def entry(self, name: str) -> Entry | None:
        """What stands under a name, links not followed."""
        ...

    def entries(self, subfolder: str) -> Sequence[Entry]:
        """All that stands below a subfolder, sorted by name; of a subfolder that is none, itself."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A file for reading, seekable. Raises OSError when it cannot be opened."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Writes a small file that must not be there yet; False when it is."""
        ...

    def replace(self, name: str, content: bytes, over: Entry) -> bool:
        """Writes a small file over the very one that was seen; False when that has changed."""
        ...

    def writer(self, name: str, run_id: str) -> Writer:
        """Begins a file of a run."""
        ...

    def delete(self, entry: Entry) -> None:
        """Deletes a file; that it has gone meanwhile is no error."""
        ...

    def unfinished(self, run_id: str) -> Sequence[Entry]:
        """Files that a run began and did not finish."""
        ...

    def join(self, name: str, parts: Sequence[WrittenFile], run_id: str) -> WrittenFile:
        """Makes one file of several, in the order given. Raises OutputError when a part is not as it was written."""
        ...


class Checksum:
    """CRC-32C as Cloud Storage shows it: base64 of the big-endian value."""

    def __init__(self) -> None:
        self._checksum = google_crc32c.Checksum()

    def update(self, content: bytes) -> None:
        self._checksum.update(content)

    def text(self) -> str:
        return base64.b64encode(self._checksum.digest()).decode()


def crc32c_of(stream: BinaryIO) -> str:
    """Checksum of a stream's content."""
    checksum = Checksum()
    while chunk := stream.read(CHUNK_BYTES):
        checksum.update(chunk)
    return checksum.text()


def changed_meanwhile(path: str) -> OutputError:
    """A file of the run is not as the run wrote it."""
    return OutputError(
        "the file is not as this run wrote it: something else writes to the output folder",
        where=path,
        remedy="Give each run an output folder of its own, and run again.",
    )
