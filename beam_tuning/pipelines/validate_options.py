"""What `validate` was asked to do, and the rules that follow from it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from beam_tuning.limits_file import load_limits
from beam_tuning.policy.choices import LengthBasis, MediaResolutionChoice, ResolutionScope
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.limits import Limits

#: As many examples as the model's limits allow.
FIT = "fit"
#: As many worker processes as pay.
AUTO = "auto"


class ValidateOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Checked values; `beam_tuning.commands.validate` says what each means.

    Attributes:
      train, validation: patterns of dataset files.
      max_examples: a number, or `FIT`.
      tolerate: reason codes.
      limits: path of a TOML file.
      probe_cache: output folder of an earlier run.
      workers: a number of worker processes, or `AUTO`.
      rewrite_uri: `OLD=NEW`, prefixes of media URIs.
      given: names of those that have another value than their default, in the order of the help.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    output: str
    overwrite: bool
    max_expansion: int
    model: str
    media_resolution: str
    length_basis: str
    resolution_scope: str
    set_media_resolution: str | None
    max_examples: int | str | None
    seed: int
    stratify_by: str
    validation_split: float | None
    drop_duplicates: bool
    drop_leaks: str | None
    skip_comparison: bool
    tolerate: tuple[str, ...]
    limits: str | None
    fail_on: str
    allow_local_media: bool
    allow_private_addresses: bool
    billing_project: str | None
    probe_cache: str | None
    trust_cache: bool
    probe_threads: int
    price_per_million_tokens: float | None
    epochs: int
    sarif: bool
    workers: int | str = 1
    rewrite_uri: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


def rules_of(options: ValidateOptions) -> tuple[Limits, Policy]:
    """The limits that the options name, and how they have examples judged.

    Raises:
      UsageError: the limits file cannot be used, or knows no such model.
    """
    limits = load_limits(Path(options.limits) if options.limits else None)
    policy = Policy.of(
        limits,
        options.model,
        length_basis=LengthBasis(options.length_basis),
        media_resolution=MediaResolutionChoice(options.media_resolution),
        resolution_scope=ResolutionScope(options.resolution_scope),
        tolerate=options.tolerate,
        set_resolution=options.set_media_resolution,
        drop_duplicates=options.drop_duplicates,
        drop_leaks=options.drop_leaks,
        allow_local_media=options.allow_local_media,
    )
    return limits, policy
