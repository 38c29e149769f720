"""`beam-tuning probe`: one look at media files, as `validate` looks at them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from beam_tuning.commands.shared_options import ALLOW_PRIVATE_ADDRESSES, BILLING_PROJECT, JSON, PROBE_THREADS
from beam_tuning.options import Command, Kind, Option

if TYPE_CHECKING:
    from rich.console import Console

    from beam_tuning.media.info import ProbeResult
    from beam_tuning.report.command_lines import OptionValue


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, print_json
    from beam_tuning.media.probe_options import ProbeOptions
    from beam_tuning.media.prober import Prober
    from beam_tuning.report.probed import any_failed, print_probed, probed_document

    sign_in(given.uri, uses_beam=False)
    options = ProbeOptions(
        allow_local_media=True,  # who names a file on the command line may read it
        allow_private_addresses=given.allow_private_addresses,
        billing_project=given.billing_project,
        threads=given.probe_threads,
    )
    console = console_for_people(as_json=given.json, goes_on=True)
    with Prober(options) as prober:
        results = []
        for answer in [prober.submit(uri) for uri in given.uri]:
            results.append(answer.result())
            if not given.json:
                print_probed(results[-1], console)
    if not given.json:
        _print_way_on(given, results, console)
    if given.json:
        print_json(probed_document(results))
    return 3 if any_failed(results) else 0


def _print_way_on(given: argparse.Namespace, results: Sequence[ProbeResult], console: Console) -> None:
    """An option that lets a refused file be read, or the same once more for files that may be answered now."""
    from beam_tuning.commands.typed_again import typed_again
    from beam_tuning.media.info import FailureKind, ProbeFailure
    from beam_tuning.report.console import print_steps
    from beam_tuning.report.sections.next_steps import Step

    failures = [(one.uri, one.media) for one in results if isinstance(one.media, ProbeFailure)]
    blocked = tuple(uri for uri, failure in failures if failure.kind is FailureKind.ADDRESS_BLOCKED)
    passing = tuple(uri for uri, failure in failures if failure.transient)
    steps = []
    if blocked and not given.allow_private_addresses:
        changes: Mapping[str, OptionValue] = {"uri": blocked, "allow_private_addresses": True}
        steps.append(
            Step("Read from private addresses, if they are yours.", typed_again(COMMAND, "probe", given, changes))
        )
    if passing:
        steps.append(
            Step("Ask again for what was not answered.", typed_again(COMMAND, "probe", given, {"uri": passing}))
        )
    print_steps(steps, console)


COMMAND = Command(
    options=(
        Option(
            "uri",
            "arguments",
            Kind.TEXT,
            "What to look at: gs:// or http(s):// URIs, or paths of files on this machine.",
            metavar="URI",
            required=True,
            is_list=True,
            is_positional=True,
        ),
        ALLOW_PRIVATE_ADDRESSES,
        BILLING_PROJECT,
        PROBE_THREADS,
        JSON,
    ),
    run=run,
    exit_codes={0: "every file was read", 3: "a file could not be read"},
    examples=("beam-tuning probe gs://bucket/media/talk.mp4 recording.wav",),
)
