"""What-if profiles: which models and media resolutions the report compares, and what decides between them.

A profile answers "what if all lines had this media resolution, and one of these models were tuned?". Models whose
limits are equal wherever an example could meet them share their profiles: what holds for one holds for all.
"""

from __future__ import annotations

import math

import msgspec

from beam_tuning.dataset.api_schema import ABSENT, MEDIA_RESOLUTIONS
from beam_tuning.dataset.tokens import TokenRates
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.limits import DatasetLimits, Levels, Limits, ModelLimits

_NS_PER_S = 1_000_000_000
#: What `generationConfig.mediaResolution` may be set to on every line; None for leaving it out.
RESOLUTIONS = (None, *MEDIA_RESOLUTIONS)

#: Entries that say nothing about one example.
_NOT_OF_EXAMPLES = frozenset(
    {
        *DatasetLimits.__struct_fields__,
        *("adapter_sizes", "tuning_regions", "tuned_model_name", "label_length", "price", "removal", "retirement"),
    }
)
#: Entries that count only where an example has pictures.
_OF_PICTURES = (
    *("video_", "image_", "small_image_", "document_", "page_", "part_media_resolution", "fps", "segment_tolerance"),
)
#: Entries that what-if looks at for each profile or each group of models; by all others it takes the run's findings for
#: those of the group. Leaving one out here costs time, nothing else.
_PER_PROFILE = frozenset(
    {
        "example_tokens",
        "video_length_absent",
        "video_length_low",
        "video_length_medium",
        "video_length_high",
        "part_media_resolution",
        "uncertain_parts",
        "text_bytes_per_token",
        "audio_tokens_per_second",
        "video_frame_tokens",
        "image_tokens",
        "small_image_tokens",
        "page_tokens",
    }
)


class Profile(msgspec.Struct, frozen=True):
    """A what-if column.

    Attributes:
      key: as in `WhatIf.profile`.
      models: that treat every example alike.
      media_resolution: set on every line; None for absent on every line.
      frame_tokens: (low, high) of a video frame; None when not known.
    """

    key: str
    models: tuple[str, ...]
    media_resolution: str | None
    frame_tokens: tuple[int, int] | None


class ProfileColumn(msgspec.Struct, frozen=True, gc=False):
    """A profile, with the longest that a video may last under it."""

    key: str
    media_resolution: str | None
    longest_video_ns: float


class UsualBounds(msgspec.Struct, frozen=True, gc=False):
    """What no profile finds too much of a usual example.

    Attributes:
      longest_video_ns: that a video may last under every profile.
      frame_tokens: the most that a video frame may come to, under any profile.
      tokens: that an example may have under every profile.
    """

    longest_video_ns: float
    frame_tokens: int
    tokens: float


class ProfileGroup(msgspec.Struct, frozen=True):
    """The profiles of models that treat every example alike.

    Attributes:
      limits: of one of the models.
      columns: the profiles, in order.
      same_findings: whether the limits differ from those of the run's own model in nothing but what what-if works out
        for the group anyway (`_PER_PROFILE`), so that all other findings of the run hold for the group too.
    """

    limits: ModelLimits
    rates: TokenRates
    columns: tuple[ProfileColumn, ...]
    same_findings: bool


def what_if_profiles(limits: Limits, own: str) -> tuple[Profile, ...]:
    """All profiles: for each group of models one for each media resolution.

    Models that were removed are left out: nobody can tune them any more.

    Args:
      own: name of the run's model, which stays in any case.
    """
    groups: dict[str, list[ModelLimits]] = {}
    for model in limits.models.values():
        if model.removal.value is None or model.name == own:
            groups.setdefault(_example_rules(model), []).append(model)
    generations = [models[0].generation for models in groups.values()]
    profiles = []
    for models in groups.values():
        first = models[0]
        name = first.generation if generations.count(first.generation) == 1 else first.name
        frame_tokens = token_rates(first).video_per_frame
        for resolution in RESOLUTIONS:
            key, names = f"{name}/{resolution or ABSENT}", tuple(model.name for model in models)
            profiles.append(Profile(key, names, resolution, frame_tokens.get(resolution)))
    return tuple(profiles)


def profile_groups(limits: Limits, own: ModelLimits) -> tuple[ProfileGroup, ...]:
    """The profiles of `what_if_profiles`, with what is needed to judge an example under them.

    Args:
      own: limits of the run's model.
    """
    columns: dict[str, list[ProfileColumn]] = {}
    for profile in what_if_profiles(limits, own.name):
        name, resolution = profile.models[0], profile.media_resolution
        longest_ns = limits.model(name).video_length_s(resolution) * _NS_PER_S
        columns.setdefault(name, []).append(ProfileColumn(profile.key, resolution, longest_ns))
    own_findings = _example_rules(own, leave_out=_PER_PROFILE)
    groups = []
    for name, of_model in columns.items():
        model = limits.model(name)
        same_findings = _example_rules(model, leave_out=_PER_PROFILE) == own_findings
        groups.append(ProfileGroup(model, token_rates(model), tuple(of_model), same_findings))
    return tuple(groups)


def usual_bounds(groups: tuple[ProfileGroup, ...], own: TokenRates) -> UsualBounds | None:
    """The bounds within which a usual example is kept under every profile; None where they do not suffice to tell.

    A usual example has no finding, no function call and no pictures but those of videos. The bounds suffice when no
    group of models differs from the run's model in its rates for text and sound or in another limit that a usual
    example could be over, and when every group may tune every kind of media.

    Args:
      own: rates of the run's model.
    """
    frame_tokens: list[tuple[int, int] | None] = []
    for group in groups:
        rates = group.rates
        frame_tokens += [rates.video_per_frame.get(column.media_resolution) for column in group.columns]
        same_rates = (rates.text_bytes_per_token, rates.audio_per_s) == (own.text_bytes_per_token, own.audio_per_s)
        takes_all_media = not any(kind in group.limits.uncertain_parts.values for kind in MediaKind)
        if not (group.same_findings and same_rates and takes_all_media):
            return None
    known = [rate for rate in frame_tokens if rate is not None]
    if not known or len(known) < len(frame_tokens):
        return None
    return UsualBounds(
        min(column.longest_video_ns for group in groups for column in group.columns),
        max(high for _, high in known),
        min(group.limits.example_tokens.value for group in groups),
    )


def differ_without_pictures(groups: tuple[ProfileGroup, ...]) -> bool:
    """Whether profiles may judge an example differently that has no video, image, document or function call."""
    without = set()
    for group in groups:
        of_pictures = {name for name in group.limits.entries() if name.startswith(_OF_PICTURES)}
        rules = _example_rules(group.limits, leave_out=frozenset({*of_pictures, "uncertain_parts"}))
        without.add((rules, MediaKind.AUDIO in group.limits.uncertain_parts.values))
    return len(without) > 1


def token_rates(limits: ModelLimits) -> TokenRates:
    """The rates of a model in the form that the estimate takes."""
    text, audio = limits.text_bytes_per_token, limits.audio_tokens_per_second
    return TokenRates(
        (text.low, text.high),
        (audio.low, audio.high),
        _by_level(limits.video_frame_tokens),
        _by_level(limits.image_tokens),
        _by_level(limits.small_image_tokens),
        _by_level(limits.page_tokens),
    )


def _by_level(levels: Levels) -> dict[str | None, tuple[int, int]]:
    return {
        None if name == ABSENT else name: (math.floor(low), math.ceil(high))
        for name, (low, high) in levels.levels.items()
    }


def _example_rules(model: ModelLimits, leave_out: frozenset[str] = frozenset()) -> str:
    """All values that decide about an example, as text."""
    values = {
        name: {
            key: value
            for key, value in msgspec.structs.asdict(entry).items()
            if key in ("value", "values", "low", "high", "levels")
        }
        for name, entry in model.entries().items()
        if name not in _NOT_OF_EXAMPLES and name not in leave_out
    }
    return msgspec.json.encode(values, order="sorted").decode()
