"""`beam-tuning demo`: a small dataset of real media with planted faults, checked."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from beam_tuning.errors import GateClosed, OptionError, OutputError, UsageError
from beam_tuning.options import Command, Kind, Option
from beam_tuning.report.command_lines import quoted


def run(given: argparse.Namespace) -> int:
    from beam_tuning.command_line import parse
    from beam_tuning.commands import load
    from beam_tuning.commands.terminal import console_for_people

    if "://" in given.folder:
        raise OptionError(
            "the demo goes to a local folder",
            where="DIR",
            observed=given.folder,
            remedy="Name a local folder, or none for ./demo.",
        )
    console = console_for_people(goes_on=True)
    folder = Path(given.folder)
    console.print(
        f"Writing a dataset of real audio and video with planted faults to {folder / 'dataset'}",
        style="dim",
        markup=False,
        highlight=False,
    )
    arguments = [*_write_sample(folder), f"--output={folder / 'checked'}", "--allow_local_media", "--overwrite"]
    console.print(f"beam-tuning validate {shlex.join(arguments)}", style="dim", markup=False, soft_wrap=True)
    validate = load("validate")
    exit_code = validate.run(parse(validate, arguments))
    if exit_code == GateClosed.exit_code:
        console.print("That is as it should be here: the faults were planted.", style="dim")
        console.print(
            "Once a run is ready, this command shows its tuning job; for this run it says what is missing:", style="dim"
        )
        command = f"  beam-tuning tune {quoted(str(folder / 'checked'))} --upload gs://BUCKET/FOLDER"
        console.print(command, style="dim", markup=False, soft_wrap=True)
        return 0
    return exit_code


def _write_sample(folder: Path) -> list[str]:
    """Writes the dataset; returns the options of `validate` that name it."""
    if "," in str(folder):
        raise OptionError(
            "the folder's name has a comma, which separates the files of a dataset",
            where="DIR",
            observed=str(folder),
            remedy="Name a folder without one.",
        )
    try:
        from beam_tuning.sample import SAMPLE_MODEL, write_sample
    except ModuleNotFoundError as error:
        if error.name != "av":
            raise
        raise UsageError(
            "the demo makes its media with PyAV, which is not installed",
            where="beam-tuning demo",
            remedy="Run: pip install 'beam-tuning[demo]', or scripts/setup in a checkout.",
        ) from None
    try:
        sample = write_sample(folder / "dataset")
    except OSError as error:
        raise OutputError(
            "the folder cannot be written",
            where=str(folder),
            observed=error.strerror or str(error),
            remedy="Name a folder that you may write to, with a few MB left on its disk.",
        ) from error
    return [f"--train={sample.train}", f"--validation={sample.validation}", f"--model={SAMPLE_MODEL}"]


COMMAND = Command(
    options=(
        Option(
            "folder",
            "arguments",
            Kind.WRITE_FOLDER,
            "Where to: a local folder.",
            default="demo",
            metavar="DIR",
            is_positional=True,
        ),
    ),
    run=run,
    exit_codes={0: "done; the dataset is not ready, as it should be with planted faults"},
    examples=("beam-tuning demo try-out",),
)
