"""What is checked before a graph is built: which files are read, and that the output lies beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from apache_beam.io.filesystem import BeamIOError, FileSystem, MatchResult
from apache_beam.io.filesystems import FileSystems

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import InputError, OutputError
from beam_tuning.run_folder import names
from beam_tuning.run_folder.files import Folder


def match_inputs(split: str, patterns: Iterable[str]) -> tuple[InputFile, ...]:
    """The files of a split, each once, sorted by path.

    Raises:
      InputError: a pattern matches nothing or a folder, or a store does not answer.
    """
    files: dict[str, InputFile] = {}
    for pattern in patterns:
        result = _match(pattern, f"--{split}")
        if not result.metadata_list:
            raise InputError(
                "the pattern matches no file",
                where=f"--{split}",
                observed=pattern,
                remedy="Check the path; quote wildcards so that the shell leaves them alone.",
            )
        for metadata in result.metadata_list:
            if "://" not in metadata.path and os.path.isdir(metadata.path):
                raise InputError(
                    "this is a folder",
                    where=f"--{split}",
                    observed=metadata.path,
                    remedy=f"Name the files in it: '{metadata.path.rstrip('/')}/*.jsonl*'",
                )
            _check_name(metadata.path, split)
            files[_identity(metadata.path)] = InputFile(split, metadata.path, metadata.size_in_bytes)
    return tuple(sorted(files.values(), key=lambda file: file.path))


def check_splits(train: Iterable[InputFile], validation: Iterable[InputFile]) -> None:
    """Raises InputError when a file is in both splits."""
    training_paths = {_identity(file.path) for file in train}
    both = sorted(file.path for file in validation if _identity(file.path) in training_paths)
    if both:
        raise InputError(
            "the same file is in both splits",
            where=both[0],
            observed=f"{len(both)} file(s) match --train and --validation",
            remedy="Give each split patterns of its own: examples seen in training say nothing when they validate.",
        )


def refuse_output_in_input(output: Folder, patterns: Iterable[str], inputs: Iterable[InputFile]) -> None:
    """Raises OutputError when the output folder holds an input, or lies where an input pattern looks."""
    ours = [_identity(output.path_of(name)) for name in names.TOP_LEVEL]
    ours += [_identity(output.path_of(f"{folder}/kept-00000-of-00001.jsonl")) for folder in names.FOLDERS]
    written = tuple(_identity(output.path_of(folder)) + "/" for folder in names.FOLDERS)
    for file in inputs:
        path = _identity(file.path)
        if path in ours or path.startswith(written):
            raise OutputError(
                "an input file lies where the output goes",
                where=file.path,
                remedy="Name another output folder, or copy the input elsewhere first.",
            )
    for pattern in patterns:
        regex = re.compile(FileSystem.translate_pattern(_identity(pattern)))
        hit = next((path for path in ours if regex.fullmatch(path)), None)
        if hit is not None:
            raise OutputError(
                "the output folder lies inside the input: a later run would read this run's output",
                where=output.name,
                observed=f"{pattern} would match {hit}",
                remedy="Name an output folder that no input pattern matches.",
            )


def _match(pattern: str, option: str) -> MatchResult:
    try:
        result: MatchResult = FileSystems.match([pattern])[0]
    except (BeamIOError, ValueError) as error:
        raise InputError(
            "the files cannot be listed",
            where=option,
            observed=f"{pattern}: {_cause(error)}",
            remedy="Check that the bucket exists and that you may list it, or check the path.",
        ) from error
    return result


def _cause(error: Exception) -> str:
    details = getattr(error, "exception_details", None)
    return str(next(iter(details.values()))) if details else str(error)


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


def _identity(path: str) -> str:
    """The same text for the same file: local paths made absolute, links followed."""
    return path if "://" in path else os.path.realpath(path)
