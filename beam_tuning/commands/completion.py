"""`beam-tuning completion`: what a shell needs to complete commands, options and values."""

from __future__ import annotations

import argparse

from beam_tuning.options import Command, Kind, Option


def run(given: argparse.Namespace) -> int:
    import shtab

    from beam_tuning.command_line import whole_parser
    from beam_tuning.commands import COMMANDS, load

    parser = whole_parser(
        [load(name) for name in COMMANDS], complete_files=shtab.FILE, complete_folders=shtab.DIRECTORY
    )
    print(shtab.complete(parser, shell=given.shell))
    return 0


COMMAND = Command(
    options=(
        Option(
            "shell",
            "arguments",
            Kind.CHOICE,
            "The shell to complete in.",
            required=True,
            choices=("bash", "zsh", "fish"),
            is_positional=True,
        ),
    ),
    run=run,
    examples=(
        "beam-tuning completion bash > ~/.local/share/bash-completion/completions/beam-tuning",
        'beam-tuning completion zsh > "${fpath[1]}/_beam-tuning"',
        "beam-tuning completion fish > ~/.config/fish/completions/beam-tuning.fish",
    ),
)
