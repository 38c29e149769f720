"""One run at a time in a folder, and deleting what an earlier run left there.

A run begins by creating `unfinished-run.json`, the claim, which must not be there yet. It names every file that the run
may write, so that these, and nothing else, can be deleted should the run never end. `manifest.json` takes its place in
the end. A folder is therefore one of: free; claimed by a run that goes on or was killed; a finished run.

Deleted is only what a manifest names, as long as it has the size and checksum that were written, what later commands
added to that run, and what the claim of an unfinished run names. The manifest goes first, so that no kill leaves a
folder that looks whole.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Collection, Iterable, Iterator

import msgspec

from beam_tuning.errors import InputError, OutputError
from beam_tuning.run_folder.files import Entry, Folder, crc32c_of
from beam_tuning.run_folder.manifest import Manifest, decode_manifest
from beam_tuning.run_folder.names import CLAIM, FOLDERS, LATER, MANIFEST, TOP_LEVEL, role_of

#: Runs of this process, which may hold several one after the other or at once.
_AT_WORK: set[str] = set()
_RUN_ID = re.compile(r"[0-9a-f]{16}")
_OTHER_FOLDER = "Name another output folder."


class Claim(msgspec.Struct, frozen=True):
    """Content of the claim.

    Attributes:
      run_id: 16 hexadecimal digits; part of the names of files that are not finished.
      host, process_id, process_start: of the launcher; the start tells its process from a later one of that number.
      names: of files that the run may write, and of those of an earlier run that it deletes.
      is_launchers: whether the launcher's process does the work, so that the run has ended when the process has.
    """

    run_id: str
    host: str
    process_id: int
    process_start: str
    names: tuple[str, ...]
    is_launchers: bool


def claim_folder(folder: Folder, names: Iterable[str], *, overwrite: bool, is_launchers: bool) -> Claim:
    """Takes the folder for a new run; with `overwrite` deletes the files of an earlier one.

    Args:
      names: of all files that the run may write.
      is_launchers: see `Claim`.

    Raises:
      OutputError: the folder cannot be written, holds a run and `overwrite` is not given, holds what no run wrote where
        a run writes, or another run goes on there.
    """
    written = tuple(sorted(names))
    manifest = _manifest(folder)
    left = _claim_left(folder)
    if not overwrite:
        _refuse_earlier(folder, manifest, left)
    if left is not None and _goes_on(left[0]):
        raise OutputError(
            "another run writes to the output folder",
            where=folder.name,
            observed=f"process {left[0].process_id} on this machine",
            remedy="Wait until it has ended, or name another output folder.",
        )
    ours = {*(file.name for file in manifest.files), *LATER} if manifest is not None else set()
    ours |= set(left[0].names) if left is not None else set()
    run_id = left[0].run_id if left is not None else manifest.run_id if manifest is not None else ""
    begun = folder.unfinished(run_id) if run_id else ()
    present = list(_present(folder, {*written, *ours}))
    _refuse_strange(folder, present, {*ours, *(entry.name for entry in begun), MANIFEST, CLAIM})
    if manifest is not None and left is None:
        _refuse_changed(folder, manifest, present)

    everything = tuple(sorted({*written, *ours}))
    pid = os.getpid()
    claim = Claim(secrets.token_hex(8), socket.gethostname(), pid, _start_of(pid), everything, is_launchers)
    content = msgspec.json.encode(claim)
    # At work from the moment that others may read the claim: another thread would take over one that nobody works on.
    _AT_WORK.add(claim.run_id)
    taken = False
    try:
        taken = folder.create(CLAIM, content) if left is None else folder.replace(CLAIM, content, left[1])
    finally:
        if not taken:
            _AT_WORK.discard(claim.run_id)
    if not taken:
        raise OutputError("another run has just taken the output folder", where=folder.name, remedy=_OTHER_FOLDER)
    if [entry for entry in _present(folder, {*written, *ours}) if entry.name != CLAIM] != [
        entry for entry in present if entry.name != CLAIM
    ]:
        release_claim(folder, claim.run_id)
        raise OutputError("something else writes to the output folder", where=folder.name, remedy=_OTHER_FOLDER)
    # The manifest first: without it nothing is taken for a whole run.
    for entry in sorted({*present, *begun}, key=lambda entry: (entry.name != MANIFEST, entry.name)):
        if entry.name != CLAIM:
            folder.delete(entry)
    return claim


def check_claim(folder: Folder, run_id: str) -> None:
    """Raises OutputError when the folder is no longer this run's."""
    left = _claim_left(folder)
    if left is None or left[0].run_id != run_id:
        raise OutputError(
            "another run has taken the output folder from this one",
            where=folder.name,
            remedy="Give each run an output folder of its own, and run again.",
        )


def release_claim(folder: Folder, run_id: str) -> None:
    """Ends a claim, after the manifest is written or before anything is."""
    _AT_WORK.discard(run_id)
    left = _claim_left(folder)
    if left is not None and left[0].run_id == run_id:
        for entry in folder.unfinished(run_id):  # of attempts that were killed
            folder.delete(entry)
        folder.delete(left[1])


def leave_claim(run_id: str) -> None:
    """Says that this process no longer works on a run; what it wrote stays, and the claim says what that is."""
    _AT_WORK.discard(run_id)


def _claim_left(folder: Folder) -> tuple[Claim, Entry] | None:
    entry = folder.entry(CLAIM)
    if entry is None:
        return None
    if not entry.is_file:
        raise _strange(folder, [entry.name])
    try:
        with folder.open(CLAIM) as stream:
            claim = msgspec.json.decode(stream.read(), type=Claim)
    except FileNotFoundError:
        return None  # its run has just ended
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _strange(folder, [CLAIM]) from error
    if not (_RUN_ID.fullmatch(claim.run_id) and all(role_of(name) for name in claim.names)):
        raise _strange(folder, [CLAIM])
    return claim, entry


def _manifest(folder: Folder) -> Manifest | None:
    entry = folder.entry(MANIFEST)
    if entry is None:
        return None
    try:
        if not entry.is_file:
            raise _strange(folder, [MANIFEST])
        with folder.open(MANIFEST) as stream:
            return decode_manifest(stream.read(), folder.name)
    except (OSError, InputError) as error:
        raise _strange(folder, [MANIFEST]) from error


def _refuse_earlier(folder: Folder, manifest: Manifest | None, left: tuple[Claim, Entry] | None) -> None:
    if left is not None:
        raise OutputError(
            "another run writes to the output folder, or one was ended before it was whole",
            where=folder.name,
            observed=CLAIM,
            remedy="Name another folder, or give --overwrite to delete that run's files once it has ended.",
        )
    if manifest is not None:
        raise OutputError(
            "the output folder holds an earlier run",
            where=folder.name,
            observed=MANIFEST,
            remedy="Name another folder, or give --overwrite to delete the earlier run's files.",
        )


def _goes_on(claim: Claim) -> bool:
    """Whether the process that made the claim is known to be at work."""
    if not claim.is_launchers or claim.host != socket.gethostname():
        return False
    if claim.process_id == os.getpid():
        return claim.run_id in _AT_WORK
    return claim.process_start != "" and claim.process_start == _start_of(claim.process_id)


def _start_of(process_id: int) -> str:
    """When a process of this machine began, in the kernel's ticks; empty when there is none.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: field 22, and the second may hold blanks.
    """
    try:
        with open(f"/proc/{process_id}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _present(folder: Folder, ours: Collection[str]) -> Iterator[Entry]:
    """All that stands where a run writes."""
    for name in sorted({*TOP_LEVEL, *(name for name in ours if "/" not in name)}):
        if (entry := folder.entry(name)) is not None:
            yield entry
    for subfolder in FOLDERS:
        yield from folder.entries(subfolder)


def _refuse_strange(folder: Folder, present: Iterable[Entry], ours: Collection[str]) -> None:
    strange = [entry.name for entry in present if entry.name not in ours or not entry.is_file]
    if strange:
        raise _strange(folder, strange)


def _strange(folder: Folder, names: list[str]) -> OutputError:
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return OutputError(
        "the output folder holds what no run of beam-tuning is known to have written",
        where=folder.path_of(names[0]),
        observed=f"{ascii(names[0])[1:-1]}{more}",
        remedy="Name another output folder, or move these files away.",
    )


def _refuse_changed(folder: Folder, manifest: Manifest, present: Iterable[Entry]) -> None:
    """A file that somebody has changed since is no longer ours to delete."""
    written = {file.name: file for file in manifest.files}
    for entry in present:
        file = written.get(entry.name)
        if file is None:
            continue
        if entry.size_bytes != file.size_bytes or _crc32c(folder, entry) != file.crc32c:
            raise OutputError(
                "a file of the earlier run has been changed since",
                where=folder.path_of(entry.name),
                observed=f"{entry.size_bytes:,} bytes with another checksum than manifest.json says",
                limit=f"{file.size_bytes:,} bytes, crc32c {file.crc32c}",
                remedy="Name another output folder, or move the file away.",
            )


def _crc32c(folder: Folder, entry: Entry) -> str:
    if entry.crc32c is not None:
        return entry.crc32c
    try:
        with folder.open(entry.name) as stream:
            return crc32c_of(stream)
    except OSError as error:
        observed = error.strerror or type(error).__name__
        raise OutputError(
            "a file of the earlier run cannot be read", where=folder.path_of(entry.name), observed=observed
        ) from error
