"""`beam-tuning limits`: what each model accepts."""

from __future__ import annotations

import argparse

from beam_tuning.commands.shared_options import JSON, LIMITS, MODEL
from beam_tuning.options import Command


def run(given: argparse.Namespace) -> int:
    from pathlib import Path

    from beam_tuning.commands.terminal import console_for_people, print_json
    from beam_tuning.limits_file import load_limits
    from beam_tuning.report.catalogue import print_limits

    limits = load_limits(Path(given.limits) if given.limits else None)
    models = tuple(limits.models.values()) if given.model is None else (limits.model(given.model),)
    if given.json:
        print_json(models)
    else:
        print_limits(models, console_for_people())
    return 0


COMMAND = Command(
    options=(MODEL._replace(help="One model only."), LIMITS, JSON),
    run=run,
    examples=("beam-tuning limits --model gemini-3.5-flash",),
)
