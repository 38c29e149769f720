"""How examples are judged: the model's limits, and what a person decides where the documents are silent."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from beam_tuning.dataset.tokens import TokenRates
from beam_tuning.errors import OptionError
from beam_tuning.policy.choices import USUAL_SCOPE, LengthBasis, MediaResolutionChoice, ResolutionScope
from beam_tuning.policy.limits import Limits, ModelLimits
from beam_tuning.policy.profiles import (
    ProfileGroup,
    UsualBounds,
    differ_without_pictures,
    profile_groups,
    token_rates,
    usual_bounds,
)
from beam_tuning.reasons import Reason


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that judging takes beside the example. Made by `Policy.of`.

    Attributes:
      limits: what the model to tune accepts.
      rates: the model's token rates.
      groups: the what-if profiles, by groups of models that treat every example alike.
      usual_bounds: within which most examples are kept under every profile; None when they do not suffice to tell, so
        that every example is judged under each (see `profiles.usual_bounds`).
      differ_without_pictures: whether profiles may differ on an example without video, image and document.
      chosen_resolution: with `MediaResolutionChoice.MAJORITY` the most common value of the dataset, `ABSENT` for an
        absent one; None when it was not counted (yet).
      allow_local_media: whether media on this machine are looked at, for a try-out; the tuning service cannot read
        them.
      tolerated: reasons that decide nothing, because a person takes the risk.
      drop_duplicates: whether of several equal examples of a split all but the first are dropped.
      drop_leaks: the split whose examples are dropped where they, or their media, stand in the other split too.
      set_resolution: the media resolution that is written into every kept example; None leaves them as they are.
    """

    limits: ModelLimits
    rates: TokenRates
    groups: tuple[ProfileGroup, ...]
    usual_bounds: UsualBounds | None = None
    differ_without_pictures: bool = False
    length_basis: LengthBasis
    media_resolution: MediaResolutionChoice
    chosen_resolution: str | None = None
    resolution_scope: ResolutionScope
    allow_local_media: bool = False
    tolerated: frozenset[Reason] = frozenset()
    set_resolution: str | None = None
    drop_duplicates: bool = False
    drop_leaks: str | None = None

    @classmethod
    def of(
        cls,
        limits: Limits,
        model: str,
        *,
        length_basis: LengthBasis = LengthBasis.SEGMENT,
        media_resolution: MediaResolutionChoice = MediaResolutionChoice.CONSISTENT,
        resolution_scope: ResolutionScope = USUAL_SCOPE,
        allow_local_media: bool = False,
        tolerate: Iterable[str] = (),
        set_resolution: str | None = None,
        drop_duplicates: bool = False,
        drop_leaks: str | None = None,
    ) -> Policy:
        """The policy for one model.

        Args:
          model: as `Limits.model` takes it.
          tolerate: codes of reasons to tolerate.

        Raises:
          OptionError: the model is not known, a reason cannot be tolerated, or a media resolution is to be set and
            examples with another one to be dropped.
        """
        _check_set_resolution(set_resolution, media_resolution)
        own = limits.model(model)
        rates = token_rates(own)
        groups = profile_groups(limits, own)
        return cls(
            limits=own,
            rates=rates,
            groups=groups,
            usual_bounds=usual_bounds(groups, rates),
            differ_without_pictures=differ_without_pictures(groups),
            length_basis=length_basis,
            media_resolution=media_resolution,
            resolution_scope=resolution_scope,
            allow_local_media=allow_local_media,
            tolerated=frozenset(_tolerable(code) for code in tolerate),
            set_resolution=set_resolution,
            drop_duplicates=drop_duplicates,
            drop_leaks=drop_leaks,
        )

    @property
    def model(self) -> str:
        """Name of the model to tune."""
        return self.limits.name


def _check_set_resolution(set_resolution: str | None, choice: MediaResolutionChoice) -> None:
    if set_resolution is not None and choice is not MediaResolutionChoice.CONSISTENT:
        raise OptionError(
            "one media resolution is set on all examples, so that none can be dropped for another",
            where="--set_media_resolution",
            observed=f"--media_resolution {choice}",
            remedy="Give one of the two options.",
        )


def _tolerable(code: str) -> Reason:
    codes = [reason.code for reason in Reason if reason.tolerable]
    if code not in codes:
        raise OptionError.of_choice("--tolerate", code, codes, what="this reason cannot be tolerated")
    return Reason[code]
