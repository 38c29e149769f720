"""What is checked before a graph is built: that the output folder is free."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from apache_beam.io.filesystem import BeamIOError, FileSystem
from apache_beam.io.filesystems import FileSystems

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import OutputError
from beam_tuning.pipelines.inputs import same_file as _identity
from beam_tuning.transforms.files import join
from beam_tuning.transforms.write import OUTPUT_FILES, OUTPUT_FOLDERS


def prepare_output(output: str, patterns: Iterable[str], inputs: Iterable[InputFile], *, overwrite: bool) -> None:
    """Makes sure that the output folder is free; with `overwrite` deletes what an earlier run wrote there.

    Only names that a run writes are looked at and deleted; other files in the folder stay.

    Raises:
      OutputError: the folder holds an earlier run, lies where an input pattern looks, or holds an input.
    """
    _refuse_output_in_input(output, patterns, inputs)
    earlier = list(_earlier_run(output, limit=None if overwrite else 1))
    if not earlier:
        return
    if not overwrite:
        raise OutputError(
            "the output folder holds an earlier run",
            where=output,
            observed=earlier[0],
            remedy="Name another folder, or give --overwrite to delete the earlier run's files.",
        )
    try:
        FileSystems.delete(earlier)
    except BeamIOError as error:
        raise OutputError("the earlier run's files cannot be deleted", where=output, observed=_cause(error)) from error


def _refuse_output_in_input(output: str, patterns: Iterable[str], inputs: Iterable[InputFile]) -> None:
    ours = [_identity(join(output, name)) for name in OUTPUT_FILES]
    ours += [_identity(join(join(output, folder), "kept-00000-of-00001.jsonl")) for folder in OUTPUT_FOLDERS]
    written = tuple(_identity(join(output, folder)) + "/" for folder in OUTPUT_FOLDERS)
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
                where=output,
                observed=f"{pattern} would match {hit}",
                remedy="Name an output folder that no input pattern matches.",
            )


def _earlier_run(output: str, limit: int | None) -> Iterator[str]:
    patterns = [join(join(output, folder), "*") for folder in OUTPUT_FOLDERS]
    patterns += [join(output, name) for name in OUTPUT_FILES]
    for pattern in patterns:
        try:
            results = FileSystems.match([pattern], limits=[limit])
        except BeamIOError as error:
            raise OutputError("the output folder cannot be listed", where=output, observed=_cause(error)) from error
        for metadata in results[0].metadata_list:
            yield metadata.path
            if limit:
                return


def _cause(error: Exception) -> str:
    details = getattr(error, "exception_details", None)
    return str(next(iter(details.values()))) if details else str(error)
