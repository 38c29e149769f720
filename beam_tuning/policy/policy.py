"""How examples are judged: the model's limits, and what a person decides where the documents are silent."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import msgspec

from beam_tuning.dataset.api_schema import MEDIA_RESOLUTIONS
from beam_tuning.dataset.tokens import TokenRates
from beam_tuning.errors import OptionError
from beam_tuning.policy.limits import Limits, ModelLimits
from beam_tuning.policy.profiles import (
    ProfileColumn,
    ProfileGroup,
    differ_without_pictures,
    profile_groups,
    token_rates,
    usual_columns,
)
from beam_tuning.reasons import Reason

CONSISTENT, MAJORITY = "consistent", "majority"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that judging takes beside the example. Made by `Policy.of`.

    Attributes:
      limits: of the model to tune.
      rates: its token rates.
      groups: what-if profiles.
      usual_columns: the same in the form for usual examples, where there is one.
      differ_without_pictures: whether profiles may differ on examples without pictures.
      length_basis: `segment` when a length limit is held against the segment where one is given, `file` when always
        against the whole file. No page says which.
      media_resolution: `consistent` leaves the question to the dataset as a whole; `majority` drops examples with
        another value than `chosen_resolution`; a value drops examples with another.
      chosen_resolution: the most common value of the dataset, "" for absent; None when not counted (yet).
      resolution_scope: whether the media resolution of `all` examples must be the same, as the page literally says, or
        of those with `visual` media only, which are the ones that it changes.
      allow_local_media: whether local paths are taken, for a try-out; the tuning service cannot read them.
      tolerated: reasons that decide nothing, because a person takes the risk.
    """

    limits: ModelLimits
    rates: TokenRates
    groups: tuple[ProfileGroup, ...]
    usual_columns: tuple[ProfileColumn, ...] | None = None
    differ_without_pictures: bool = False
    length_basis: str = "segment"
    media_resolution: str = CONSISTENT
    chosen_resolution: str | None = None
    resolution_scope: str = "all"
    allow_local_media: bool = False
    tolerated: frozenset[Reason] = frozenset()

    @classmethod
    def of(
        cls,
        limits: Limits,
        model: str,
        *,
        length_basis: str = "segment",
        media_resolution: str = CONSISTENT,
        resolution_scope: str = "all",
        allow_local_media: bool = False,
        tolerate: Iterable[str] = (),
    ) -> Policy:
        """Checks the options.

        Args:
          tolerate: codes of reasons to tolerate.

        Raises:
          OptionError: an option has a value that it does not take.
        """
        own = limits.model(model)
        rates = token_rates(own)
        groups = profile_groups(limits, own)
        return cls(
            limits=own,
            rates=rates,
            groups=groups,
            usual_columns=usual_columns(groups, rates),
            differ_without_pictures=differ_without_pictures(groups),
            length_basis=_choice("--length_basis", length_basis, "segment", "file"),
            media_resolution=_choice("--media_resolution", media_resolution, CONSISTENT, MAJORITY, *MEDIA_RESOLUTIONS),
            resolution_scope=_choice("--resolution_scope", resolution_scope, "all", "visual"),
            allow_local_media=allow_local_media,
            tolerated=frozenset(_tolerable(code) for code in tolerate),
        )

    @property
    def model(self) -> str:
        """Name of the model to tune."""
        return self.limits.name


def _choice(option: str, value: str, *choices: str) -> str:
    if value in choices:
        return value
    near = difflib.get_close_matches(value, choices, n=1)
    raise OptionError(
        "the option does not take this value",
        where=option,
        observed=value,
        limit=", ".join(dict.fromkeys(choices)),
        remedy=f"Did you mean {near[0]}?" if near else None,
    )


def _tolerable(code: str) -> Reason:
    codes = [reason.code for reason in Reason if reason.tolerable]
    return Reason[_choice("--tolerate", code, *codes)]
