"""`upload.json`: which local media lie where in Cloud Storage, and what the tuning files name since."""

from __future__ import annotations

import msgspec

from beam_tuning.errors import InputError
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.run_folder.names import UPLOAD

#: Grows by one with every change that a reader of the last version could stumble over.
VERSION = 1


class UploadedObject(msgspec.Struct, frozen=True):
    """A local file and the object that holds its bytes.

    Attributes:
      uris: as the dataset spells them; several may lead to the same bytes.
      uri: of the object.
      generation: of the object.
    """

    uris: tuple[str, ...]
    uri: str
    size_bytes: int
    crc32c: str
    generation: str


class RewrittenFile(msgspec.Struct, frozen=True):
    """A tuning file whose local URIs were replaced: as it is since, and how many URIs that took."""

    name: str
    size_bytes: int
    crc32c: str
    replaced: int


class Upload(msgspec.Struct, frozen=True):
    """The document.

    Attributes:
      version: of the document.
      to: the folder in Cloud Storage.
      objects: sorted by the first of their URIs.
      files: the tuning files.
    """

    version: int
    to: str
    objects: tuple[UploadedObject, ...]
    files: tuple[RewrittenFile, ...]

    def targets(self) -> dict[str, UploadedObject]:
        """From each local URI to its object."""
        return {uri: one for one in self.objects for uri in one.uris}

    def to_bytes(self) -> bytes:
        """JSON, indented."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_upload(run: FinishedRun) -> Upload | None:
    """The document of a run; None when nothing was uploaded.

    Raises:
      InputError: it is damaged or of a later version.
    """
    try:
        with run.folder.open(UPLOAD) as stream:
            content = stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(
            "the file cannot be read", where=run.folder.path_of(UPLOAD), observed=error.strerror or error
        ) from error
    try:
        upload = msgspec.json.decode(content, type=Upload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            "the file is damaged",
            where=run.folder.path_of(UPLOAD),
            observed=error,
            remedy="Run `beam-tuning upload` again.",
        ) from error
    if upload.version > VERSION:
        raise InputError(
            "the file was written by a later version of beam-tuning",
            where=run.folder.path_of(UPLOAD),
            observed=f"version {upload.version}",
            limit=f"version {VERSION}",
            remedy="Use that version of beam-tuning, or a later one.",
        )
    return upload
