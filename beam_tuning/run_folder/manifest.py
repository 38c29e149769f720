"""`manifest.json`: every file of a finished run, with size and checksum. It is written last, so its presence says that
the run is whole, and deleted first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from beam_tuning.errors import InputError
from beam_tuning.run_folder.names import FileRole, role_of

#: Of the manifest. Version 0 is that of beam_tuning 0.1, which had neither `version` nor `role`.
VERSION = 1
_REMEDY = "Name the output folder of a finished `beam-tuning validate`."


class WrittenFile(NamedTuple):
    """One file of a run folder, as it was written.

    Attributes:
      name: relative to the folder.
      size_bytes: of the content.
      crc32c: of the content, base64 of the big-endian value, as Cloud Storage shows it.
      lines: newlines of a JSON Lines file; None for other files.
      version: of the object on Cloud Storage, its generation.
    """

    name: str
    size_bytes: int
    crc32c: str
    lines: int | None = None
    version: str = ""


class Tool(msgspec.Struct, frozen=True):
    """What wrote the run."""

    name: str
    version: str


class ManifestFile(msgspec.Struct, frozen=True):
    """One file: see `WrittenFile`; `role` says what it is, `generation` is that of an object on Cloud Storage."""

    name: str
    size_bytes: int
    crc32c: str
    lines: int | None = None
    role: FileRole | None = None
    generation: str | None = None

    @classmethod
    def of(cls, file: WrittenFile) -> ManifestFile:
        """The entry of a file that was written."""
        return cls(*file[:4], role_of(file.name), file.version or None)


class Manifest(msgspec.Struct, frozen=True):
    """A finished run.

    Attributes:
      tool: that wrote it.
      exit_code: that the run ended with.
      files: all of them, sorted by name, the manifest left out.
      run_id: tells the run from every other.
    """

    tool: Tool
    exit_code: int
    files: tuple[ManifestFile, ...]
    version: int = 0
    run_id: str = ""

    @classmethod
    def of(cls, tool: Tool, exit_code: int, files: Iterable[WrittenFile], run_id: str) -> Manifest:
        """The manifest of the present version."""
        return cls(tool, exit_code, tuple(map(ManifestFile.of, sorted(files))), VERSION, run_id)

    @classmethod
    def single(cls, file: ManifestFile) -> Manifest:
        """Of one file of a run, for a worker that reads no other."""
        return cls(Tool("", ""), 0, (file,), VERSION)

    def with_files(self, written: Iterable[WrittenFile]) -> Manifest:
        """The manifest after these files were written, anew or for the first time."""
        files = {file.name: file for file in self.files} | {file.name: ManifestFile.of(file) for file in written}
        return msgspec.structs.replace(self, files=tuple(files[name] for name in sorted(files)))

    def file(self, name: str) -> ManifestFile | None:
        """The entry of a name."""
        return next((file for file in self.files if file.name == name), None)

    def named(self, role: FileRole, prefix: str = "") -> list[str]:
        """Names of the files of a role that begin with `prefix`, in the order of the input."""
        return [file.name for file in self.files if role_of(file.name) is role and file.name.startswith(prefix)]

    def to_bytes(self) -> bytes:
        """JSON, indented, for people too."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def decode_manifest(data: bytes, folder: str) -> Manifest:
    """The inverse of `Manifest.to_bytes`.

    Args:
      folder: for the error.

    Raises:
      InputError: the bytes are no manifest, or one of a later version.
    """
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("manifest.json is damaged", where=folder, observed=error, remedy=_REMEDY) from error
    if manifest.version > VERSION:
        raise InputError(
            "the run was written by a later version of beam-tuning",
            where=folder,
            observed=f"manifest version {manifest.version}, beam-tuning {manifest.tool.version}",
            limit=f"manifest version {VERSION}",
            remedy="Use that version of beam-tuning, or a later one.",
        )
    strange = next((file.name for file in manifest.files if role_of(file.name) is None), None)
    if strange is not None:
        raise InputError(
            "manifest.json names a file that no run writes", where=folder, observed=strange, remedy=_REMEDY
        )
    return manifest
