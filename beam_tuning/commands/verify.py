"""`beam-tuning verify`: whether the media of a finished run are still those that it judged."""

from __future__ import annotations

import argparse
from typing import Any

from beam_tuning.commands.shared_options import (
    ALLOW_LOCAL_MEDIA,
    ALLOW_PRIVATE_ADDRESSES,
    BILLING_PROJECT,
    JSON,
    PROBE_THREADS,
    RUN_FOLDER,
)
from beam_tuning.options import Command, Kind, Option


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, end_with
    from beam_tuning.finished_run.opening import open_finished
    from beam_tuning.finished_run.probed import probe_options
    from beam_tuning.verify.console import print_verification
    from beam_tuning.verify.verify import verify

    sign_in((given.folder,), uses_beam=False)
    finished = open_finished(given.folder)
    settings: dict[str, Any] = {
        name: getattr(given, name) for name in ("allow_local_media", "allow_private_addresses", "billing_project")
    }
    options = probe_options(finished, threads=given.probe_threads, **settings)
    document = verify(finished, options, reprobe=given.reprobe)
    print_verification(document, finished, console_for_people(as_json=given.json, goes_on=True))
    return end_with(document, as_json=given.json)


COMMAND = Command(
    options=(
        RUN_FOLDER,
        Option(
            "reprobe",
            "media",
            Kind.FLAG,
            "Look again at media that have changed, and say what they are now.",
            default=False,
        ),
        ALLOW_LOCAL_MEDIA,
        ALLOW_PRIVATE_ADDRESSES,
        BILLING_PROJECT,
        PROBE_THREADS,
        JSON,
    ),
    run=run,
    exit_codes={0: "nothing has changed", 3: "something has changed, is gone, or cannot be read"},
    examples=("beam-tuning verify gs://bucket/checked --reprobe",),
)
