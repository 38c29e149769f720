"""What is checked before a graph is built: that the output lies beside the input."""

from __future__ import annotations

import re
from collections.abc import Iterable

from apache_beam.io.filesystem import FileSystem

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import OutputError
from beam_tuning.pipelines.inputs import same_file
from beam_tuning.run_folder import names
from beam_tuning.run_folder.files import Folder


def refuse_output_in_input(output: Folder, patterns: Iterable[str], inputs: Iterable[InputFile]) -> None:
    """Raises OutputError when the output folder holds an input, or lies where an input pattern looks."""
    ours = [same_file(output.path_of(name)) for name in names.TOP_LEVEL]
    ours += [same_file(output.path_of(f"{folder}/kept-00000-of-00001.jsonl")) for folder in names.FOLDERS]
    written = tuple(same_file(output.path_of(folder)) + "/" for folder in names.FOLDERS)
    for file in inputs:
        path = same_file(file.path)
        if path in ours or path.startswith(written):
            raise OutputError(
                "an input file lies where the output goes",
                where=file.path,
                remedy="Name another output folder, or copy the input elsewhere first.",
            )
    for pattern in patterns:
        regex = re.compile(FileSystem.translate_pattern(same_file(pattern)))
        hit = next((path for path in ours if regex.fullmatch(path)), None)
        if hit is not None:
            raise OutputError(
                "the output folder lies inside the input: a later run would read this run's output",
                where=output.name,
                observed=f"{pattern} would match {hit}",
                remedy="Name an output folder that no input pattern matches.",
            )
