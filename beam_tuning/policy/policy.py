"""How examples are judged: the model's limits, and what a person decides where the documents are silent."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from beam_tuning.dataset.tokens import TokenRates
from beam_tuning.errors import OptionError
from beam_tuning.policy.choices import CONSISTENT
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
        """Of options whose values are among their choices (`beam_tuning.policy.choices`).

        Args:
          tolerate: codes of reasons to tolerate.

        Raises:
          OptionError: there is no such model, or a reason cannot be tolerated.
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
            length_basis=length_basis,
            media_resolution=media_resolution,
            resolution_scope=resolution_scope,
            allow_local_media=allow_local_media,
            tolerated=frozenset(_tolerable(code) for code in tolerate),
        )

    @property
    def model(self) -> str:
        """Name of the model to tune."""
        return self.limits.name


def _tolerable(code: str) -> Reason:
    codes = [reason.code for reason in Reason if reason.tolerable]
    if code not in codes:
        raise OptionError.of_choice("--tolerate", code, codes)
    return Reason[code]
