"""Which dataset files a run reads: patterns of `--train` and `--validation` become a list of files.

A pattern is a local path or a gs:// URI. What exists by that very name is taken, whatever characters the name has; else
`*` stands for any characters of a name, `?` for one, `[ab]` for one of those, and `**` for anything, folders included.
A folder with a slash behind it stands for the files in it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence

from apache_beam.io.filesystem import FileSystem

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import InputError
from beam_tuning.transforms.dataset_files import GCS, find_object, list_objects, local_file

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_WILDCARD = re.compile(r"[*?[]")
_KINDS = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a disk"))


def match_inputs(split: str, patterns: Sequence[str]) -> tuple[InputFile, ...]:
    """The files of a split, each once, sorted by path.

    Raises:
      InputError: a pattern matches nothing, a folder or what is no file, or a store does not answer.
    """
    files: dict[str, InputFile] = {}
    for pattern in patterns:
        found = list(_Matching(split, pattern).files())
        if not found:
            raise InputError(
                "the pattern matches no file",
                where=f"--{split}",
                observed=pattern,
                remedy=_why_nothing(pattern, patterns),
            )
        for file in found:
            files[same_file(file.path)] = file
    return tuple(sorted(files.values(), key=lambda file: file.path))


def check_splits(train: Iterable[InputFile], validation: Iterable[InputFile]) -> None:
    """Raises InputError when a file is in both splits."""
    training_paths = {same_file(file.path) for file in train}
    both = sorted(file.path for file in validation if same_file(file.path) in training_paths)
    if both:
        raise InputError(
            "the same file is in both splits",
            where=both[0],
            observed=f"{len(both)} file(s) match --train and --validation",
            remedy="Give each split patterns of its own: examples seen in training prove nothing in validation.",
        )


def same_file(path: str) -> str:
    """The same text for the same file: local paths made absolute, links followed."""
    return path if "://" in path else os.path.realpath(path)


class _Matching:
    """What one pattern of one split matches."""

    def __init__(self, split: str, pattern: str) -> None:
        self._split = split
        self._pattern = pattern

    def files(self) -> Iterator[InputFile]:
        """Raises InputError as `match_inputs` does."""
        if self._pattern.startswith(GCS):
            yield from self._objects()
            return
        if os.path.lexists(self._pattern) and not self._pattern.endswith("/"):
            yield self._local(self._pattern)
            return
        if scheme := _SCHEME.match(self._pattern):
            raise self._refused_scheme(scheme[1].lower())
        try:
            for path in _expand("", self._pattern):
                if not os.path.isdir(path):
                    yield self._local(path)
        except OSError as error:
            observed = f"{error.filename}: {error.strerror}"
            raise self._error("a folder cannot be listed", observed, "Check that you may read it.") from error

    def _local(self, path: str) -> InputFile:
        _check_name(path, self._split)
        try:
            mode = os.stat(path).st_mode
            file = local_file(self._split, path)
        except OSError as error:
            remedy = (
                "If it is a link, what it leads to is gone: remove or correct it. If not, check that you may read it."
            )
            raise self._error("the file cannot be reached", f"{path}: {error.strerror}", remedy) from error
        if stat.S_ISDIR(mode):
            raise self._error("this is a folder", path, f"Name the files in it: '{path.rstrip('/')}/*.jsonl*'")
        if not stat.S_ISREG(mode):
            kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "no file")
            remedy = "Write its lines to a file first: a run reads its input more than once, and in several places."
            raise self._error(f"this is {kind}, not a file", path, remedy)
        return file

    def _objects(self) -> Iterator[InputFile]:
        """Objects of Cloud Storage."""
        bucket_name, _, name = self._pattern.removeprefix(GCS).partition("/")
        if not bucket_name or _WILDCARD.search(bucket_name):
            raise self._error("the bucket must be named", self._pattern, "Write gs://bucket/object, without wildcards.")
        if not name:
            remedy = f"Name the files in it: '{GCS}{bucket_name}/*.jsonl*'"
            raise self._error("this is a bucket", self._pattern, remedy)
        name += "*" if name.endswith("/") else ""
        wildcard = _WILDCARD.search(name)
        try:
            exact = find_object(self._split, bucket_name, name)
            if exact is not None:
                yield exact
            elif wildcard:
                matches = re.compile(FileSystem.translate_pattern(f"{GCS}{bucket_name}/{name}")).match
                for file in list_objects(self._split, bucket_name, name[: wildcard.start()]):
                    # Consoles make an empty object with a slash behind its name for a folder.
                    if matches(file.path) and not file.path.endswith("/"):
                        yield file
        except ConnectionError as error:
            remedy = "Check this machine's network, then run the same command again."
            raise self._error("the files cannot be listed", f"{self._pattern}: {error}", remedy) from error
        except OSError as error:
            remedy = "Check that the bucket exists and that you may list it."
            raise self._error("the files cannot be listed", f"{self._pattern}: {error}", remedy) from error

    def _refused_scheme(self, scheme: str) -> InputError:
        remedy = "Copy the files to Cloud Storage or to this machine."
        if scheme == "gs":
            remedy = "Write gs://bucket/object."
        elif scheme == "file":
            remedy = f"Give the path alone: {re.sub('^file:/*', '/', self._pattern, flags=re.IGNORECASE)}"
        what = f"dataset files are read from this machine and from gs://, not from {scheme}:"
        return self._error(what, self._pattern, remedy)

    def _error(self, what: str, observed: str, remedy: str) -> InputError:
        return InputError(what, where=f"--{self._split}", observed=observed, remedy=remedy)


def _expand(folder: str, pattern: str) -> Iterator[str]:
    """The paths that match, in no order. `folder` ends with a slash; empty, it is the current folder.

    Beam's own matching walks through everything below the folder, and finds nothing where none is named.
    """
    name, slash, rest = pattern.partition("/")
    if "**" in name:
        matches = re.compile(FileSystem.translate_pattern(pattern)).match
        for parent, _, names in os.walk(folder or ".", onerror=_raise):
            below = os.path.relpath(parent, folder or ".")
            for path in (os.path.normpath(os.path.join(below, name)) for name in names):
                if matches(path):
                    yield folder + path
        return
    if not _WILDCARD.search(name) or os.path.lexists(folder + name):
        names = [name]
    elif os.path.isdir(folder or "."):
        matches = re.compile(FileSystem.translate_pattern(name)).match
        names = [found for found in os.listdir(folder or ".") if matches(found)]
    else:
        names = []
    for found in names:
        path = folder + found
        if not slash:
            if os.path.lexists(path):
                yield path
        elif os.path.isdir(path or "/"):
            yield from _expand(f"{path}/", rest or "*")


def _raise(error: OSError) -> None:
    raise error


def _why_nothing(pattern: str, patterns: Sequence[str]) -> str:
    """What the person can do about a pattern that matches nothing."""
    at = patterns.index(pattern)
    for pieces in (patterns[at : at + 2], patterns[max(at - 1, 0) : at + 1], patterns[at : at + 3]):
        for whole in (",".join(pieces), ", ".join(pieces)):
            if os.path.exists(whole):
                return f"A comma separates patterns. Write ? for a comma in a name: '{whole.replace(',', '?')}'"
    if pattern.startswith("~"):
        return "Write the home folder out: the shell left ~ as it is."
    return "Check the path; quote wildcards so that the shell leaves them alone."


def _check_name(path: str, split: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            "the file's name is not valid UTF-8",
            where=f"--{split}",
            observed=ascii(path),
            remedy="Rename the file.",
        ) from error
