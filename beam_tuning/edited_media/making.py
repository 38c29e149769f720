"""All that is ordered of one object: it is fetched once, edited in a child process, and each file is written whole.

Beside every file lies a small note, `NAME.json`, with what it is; the note is written last. A later run that finds the
note and the file makes nothing, and fetches nothing when it finds them all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from beam_tuning.edited_media.fetching import CannotFetch, fetched
from beam_tuning.edited_media.orders import Delivered, DeliveredFile, Delivery, NotDelivered, Order, SourceObject
from beam_tuning.errors import BeamTuningError, OutputError
from beam_tuning.media.edit.naming import name_of
from beam_tuning.media.edit.run import edit, pieces_of
from beam_tuning.media.edit.wanted import EditLimits, Made, NotMade, Pieces, Wanted, WantedPieces
from beam_tuning.media.location import Location, locate
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.run_folder.files import CHUNK_BYTES, Folder
from beam_tuning.run_folder.opening import is_remote, open_folder
from beam_tuning.run_folder.writing import RunTarget, write_file

#: Pieces are cut where they are found, so that they add up to the whole.
_PIECE_TOLERANCE_NS = 20_000_000
_Note = Made | Pieces


class Making(msgspec.Struct, frozen=True):
    """Where and how files are made.

    Attributes:
      folder: where they go; a local path or gs:// URI.
      run_id: of the run, part of the names of unfinished files.
      probing: how sources are read.
      scratch: a local folder for one source and one file at a time; None for the system's.
      max_source_bytes: of a source that is fetched.
    """

    folder: str
    run_id: str
    probing: ProbeOptions
    scratch: str | None = None
    max_source_bytes: int = 20 << 30
    limits: EditLimits = EditLimits()


def deliver(source: SourceObject, orders: Sequence[Order], making: Making) -> list[Delivery]:
    """The files of each order, in the order given.

    Raises:
      OutputError: the folder cannot be written.
    """
    if source.identity is None:
        return [NotDelivered("has neither generation nor checksum by which a copy could be named")] * len(orders)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="beam-tuning-", dir=making.scratch)))
        workshop = _Workshop(source, making, scratch, stack)
        return [workshop.delivery(order) for order in orders]


class _Workshop:
    def __init__(self, source: SourceObject, making: Making, scratch: Path, stack: ExitStack) -> None:
        self._source = source
        self._identity = source.identity or ""
        self._making = making
        self._scratch = scratch
        self._stack = stack
        self._folder: Folder = open_folder(making.folder, "--media_output")
        self._fetched: str | CannotFetch | None = None

    def delivery(self, order: Order) -> Delivery:
        files: list[DeliveredFile] = []
        wanted = self._wanted(order)
        if isinstance(wanted, NotDelivered):
            return wanted
        for one in wanted:
            file = self._file(one)
            if isinstance(file, NotDelivered):
                return file
            files.append(file)
        return Delivered(tuple(files))

    def _wanted(self, order: Order) -> list[Wanted] | NotDelivered:
        if order.longest_ns is None:
            return [
                Wanted(
                    kind=order.kind,
                    start_ns=order.start_ns,
                    stop_ns=order.stop_ns,
                    max_bytes=order.max_bytes,
                    tolerance_ns=order.tolerance_ns,
                    end_tolerance_ns=order.tolerance_ns,
                )
            ]
        pieces = self._pieces(WantedPieces(order.longest_ns, order.max_bytes, order.overlap_ns))
        if isinstance(pieces, NotDelivered):
            return pieces
        return [
            Wanted(
                kind=order.kind,
                start_ns=start_ns,
                stop_ns=stop_ns,
                max_bytes=order.max_bytes,
                tolerance_ns=_PIECE_TOLERANCE_NS,
                end_tolerance_ns=_PIECE_TOLERANCE_NS,
            )
            for start_ns, stop_ns in pieces.pieces
        ]

    def _pieces(self, wanted: WantedPieces) -> Pieces | NotDelivered:
        name = name_of(self._identity, wanted, "json")
        note = self._note(name)
        if isinstance(note, Pieces):
            return note
        path = self._path()
        if isinstance(path, NotDelivered):
            return path
        found = pieces_of(path, wanted, self._making.limits)
        if isinstance(found, NotMade):
            return NotDelivered(found.why, found.is_transient)
        self._write(name, [msgspec.json.encode(found)])
        return found

    def _file(self, wanted: Wanted) -> DeliveredFile | NotDelivered:
        note_name = name_of(self._identity, wanted, "json")
        note = self._note(note_name)
        if isinstance(note, Made):
            name = name_of(self._identity, wanted, note.container)
            entry = self._folder.entry(name)
            if entry is not None and entry.is_file and entry.size_bytes == note.size_bytes:
                return DeliveredFile(self._folder.path_of(name), note, was_there=True)
        path = self._path()
        if isinstance(path, NotDelivered):
            return path
        target = self._scratch / "made"
        made = edit(path, str(target), wanted, self._making.limits)
        if isinstance(made, NotMade):
            return NotDelivered(made.why, made.is_transient)
        name = name_of(self._identity, wanted, made.container)
        try:
            written = self._write(name, _chunks(target))
        finally:
            target.unlink()
        if written != made.size_bytes:
            return NotDelivered("was changed while it was written", is_transient=True)
        self._write(note_name, [msgspec.json.encode(made)])
        return DeliveredFile(self._folder.path_of(name), made)

    def _path(self) -> str | NotDelivered:
        """The source as a local file, fetched when it is first needed."""
        if self._fetched is None:
            making = self._making
            try:
                self._fetched = self._stack.enter_context(
                    fetched(self._source, making.probing, self._scratch, making.max_source_bytes)
                )
            except CannotFetch as error:
                self._fetched = error
        if isinstance(self._fetched, CannotFetch):
            return NotDelivered(str(self._fetched), self._fetched.is_transient)
        return self._fetched

    def _note(self, name: str) -> _Note | None:
        """What a note says; None without one, and for one that is none of ours."""
        try:
            with self._folder.open(name) as stream:
                content = stream.read(1 << 20)
            note: _Note = msgspec.json.decode(content, type=_Note)
        except (OSError, BeamTuningError, msgspec.MsgspecError, ValueError):
            return None
        return note

    def _write(self, name: str, content: Iterator[bytes] | list[bytes]) -> int:
        return write_file(RunTarget(self._making.folder, self._making.run_id), name, content).size_bytes


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def check_media_output(folder: str, source_uris: Sequence[str]) -> None:
    """Raises OutputError when a source lies in the folder, whose files a repair may replace."""
    target = open_folder(folder, "--media_output").name
    inside = next((uri for uri in source_uris if _lies_in(uri, target)), None)
    if inside is not None:
        raise OutputError(
            "media of the dataset lie in the folder for new media",
            where="--media_output",
            observed=f"{inside} lies in {target}",
            remedy="Name a folder of its own: sources are never changed.",
        )


def _lies_in(uri: str, folder: str) -> bool:
    location = locate(uri)
    if isinstance(location, Location) and location.store == "file":
        return not is_remote(folder) and _is_below(os.path.realpath(location.path), os.path.realpath(folder))
    return _is_below(uri, folder)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder.rstrip('/')}/")
