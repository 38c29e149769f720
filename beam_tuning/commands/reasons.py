"""`beam-tuning reasons`: the catalogue of reasons."""

from __future__ import annotations

import argparse

from beam_tuning.commands.shared_options import JSON
from beam_tuning.options import Command, Kind, Option


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.terminal import console_for_people, print_json
    from beam_tuning.reasons import Reason
    from beam_tuning.report.catalogue import find_reason, print_reason, print_reasons

    reasons = tuple(Reason) if given.code is None else (find_reason(given.code),)
    if given.json:
        fields = ("code", "scope", "outcome", "tolerable", "title", "message", "remedy", "source", "since")
        print_json([{name: getattr(reason, name) for name in fields} for reason in reasons])
    elif given.code is None:
        print_reasons(console_for_people())
    else:
        print_reason(reasons[0], console_for_people())
    return 0


COMMAND = Command(
    options=(
        Option("code", "arguments", Kind.TEXT, "One reason, in full.", metavar="CODE", is_positional=True),
        JSON,
    ),
    run=run,
    examples=("beam-tuning reasons VIDEO_TOO_LONG",),
)
