"""What `validate` was asked to do."""

from __future__ import annotations

import msgspec

#: As many examples as the model's limits allow.
FIT = "fit"


class ValidateOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Checked values; `beam_tuning.commands.validate` says what each means.

    Attributes:
      train, validation: patterns of dataset files.
      max_examples: a number, or `FIT`.
      tolerate: reason codes.
      limits: path of a TOML file.
      probe_cache: output folder of an earlier run.
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
    given: tuple[str, ...] = ()
