"""What-if profiles: models that treat every example alike, at each media resolution that a dataset may ask for."""

from __future__ import annotations

import math

import msgspec

from beam_tuning.dataset.tokens import TokenRates
from beam_tuning.policy.limits import ABSENT, Levels, Limits, ModelLimits

_NS_PER_S = 1_000_000_000
#: What `generationConfig.mediaResolution` may be set to on every line; None for leaving it out.
RESOLUTIONS = (None, "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH")

#: Entries that say nothing about one example.
_NOT_OF_EXAMPLES = frozenset(
    {
        "drop_percent",
        "training_file_bytes",
        "text_examples",
        "multimodal_examples",
        "validation_examples",
        "validation_percent",
        "validation_percent_from",
        "adapter_sizes",
        "tuning_regions",
        "tuned_model_name",
        "label_length",
        "document_pages",
        "price",
    }
)
#: Entries that count only where an example has pictures.
_OF_PICTURES = ("video_", "image_", "document_", "part_media_resolution", "fps", "segment_tolerance")
#: Entries that are looked at for each profile of its own; all others make findings that profiles share.
_PER_PROFILE = frozenset(
    {
        "example_tokens",
        "video_length_absent",
        "video_length_low",
        "video_length_medium",
        "video_length_high",
        "part_media_resolution",
        "text_bytes_per_token",
        "audio_tokens_per_second",
        "video_frame_tokens",
        "image_tokens",
    }
)


class Profile(msgspec.Struct, frozen=True):
    """A what-if column.

    Attributes:
      key: as in `WhatIf.profile`.
      models: that treat every example alike.
      media_resolution: set on every line; None for absent on every line.
    """

    key: str
    models: tuple[str, ...]
    media_resolution: str | None


class ProfileColumn(msgspec.Struct, frozen=True, gc=False):
    """A profile, with what most examples are held against under it.

    Attributes:
      frame_tokens: (low, high) of a video frame; None when not known.
      tokens: limit of an example.
    """

    key: str
    media_resolution: str | None
    longest_video_ns: float
    frame_tokens: tuple[int, int] | None
    tokens: float


class ProfileGroup(msgspec.Struct, frozen=True):
    """The profiles of models that treat every example alike.

    Attributes:
      limits: of one of the models.
      columns: the profiles, in order.
      same_findings: whether the limits give the findings of the run's own model, those apart that every profile looks
        at itself.
    """

    limits: ModelLimits
    rates: TokenRates
    columns: tuple[ProfileColumn, ...]
    same_findings: bool


def what_if_profiles(limits: Limits) -> tuple[Profile, ...]:
    """All profiles: for each group of models one for each media resolution."""
    groups: dict[str, list[ModelLimits]] = {}
    for model in limits.models.values():
        groups.setdefault(_example_rules(model), []).append(model)
    generations = [models[0].generation for models in groups.values()]
    profiles = []
    for models in groups.values():
        first = models[0]
        name = first.generation if generations.count(first.generation) == 1 else first.name
        for resolution in RESOLUTIONS:
            key = f"{name}/{resolution or ABSENT}"
            profiles.append(Profile(key, tuple(model.name for model in models), resolution))
    return tuple(profiles)


def profile_groups(limits: Limits, own: ModelLimits) -> tuple[ProfileGroup, ...]:
    """The profiles of `what_if_profiles`, with what is needed to judge an example under them.

    Args:
      own: limits of the run's model.
    """
    columns: dict[str, list[ProfileColumn]] = {}
    for profile in what_if_profiles(limits):
        name, resolution = profile.models[0], profile.media_resolution
        model = limits.model(name)
        longest_ns = model.video_length_s(resolution) * _NS_PER_S
        frame_tokens = token_rates(model).video_per_frame.get(resolution)
        column = ProfileColumn(profile.key, resolution, longest_ns, frame_tokens, model.example_tokens.value)
        columns.setdefault(name, []).append(column)
    own_findings = _example_rules(own, leave_out=_PER_PROFILE)
    groups = []
    for name, of_model in columns.items():
        model = limits.model(name)
        same_findings = _example_rules(model, leave_out=_PER_PROFILE) == own_findings
        groups.append(ProfileGroup(model, token_rates(model), tuple(of_model), same_findings))
    return tuple(groups)


def usual_columns(groups: tuple[ProfileGroup, ...], own: TokenRates) -> tuple[ProfileColumn, ...] | None:
    """All columns, where they differ in nothing but what a column says; else None."""
    columns = [column for group in groups for column in group.columns]
    for group in groups:
        rates = group.rates
        same_rates = (rates.text_bytes_per_token, rates.audio_per_s) == (own.text_bytes_per_token, own.audio_per_s)
        if not (group.same_findings and same_rates and all(column.frame_tokens for column in group.columns)):
            return None
    return tuple(columns)


def differ_without_pictures(groups: tuple[ProfileGroup, ...]) -> bool:
    """Whether profiles may judge an example differently that has no video, image or document."""
    without = {
        _example_rules(
            group.limits, leave_out=frozenset(n for n in group.limits.entries() if n.startswith(_OF_PICTURES))
        )
        for group in groups
    }
    return len(without) > 1


def token_rates(limits: ModelLimits) -> TokenRates:
    """The rates of a model in the form that the estimate takes."""
    text, audio = limits.text_bytes_per_token, limits.audio_tokens_per_second
    return TokenRates(
        (text.low, text.high),
        (audio.low, audio.high),
        _by_level(limits.video_frame_tokens),
        _by_level(limits.image_tokens),
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
