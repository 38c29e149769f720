"""What a rule is: a check of one example, with what it declares beside itself.

A rule is a function with `@rule(...)` above it, in a module of this package that has a `POSITION`: the order in which
findings are told. No rule sees what another found, and none stops another.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import NamedTuple

from beam_tuning.dataset.uri import Place
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.choices import MediaResolutionChoice
from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.reasons import Finding, Reason

Check = Callable[[ExampleFacts], Iterator[Finding]]

USER, MODEL = "user", "model"
#: The turns of most examples.
USUAL_TURNS = (USER, MODEL)


class Need(enum.Flag):
    """What an example must have for a rule to find anything. Most examples have few of these, so few rules run.

    Attributes:
      NOTHING: the rule runs on every example.
      TURNS: other turns than one of the user and one of the model.
      MEDIA: a media part.
      SEVERAL: several media parts.
      MODEL_MEDIA: a media part in a turn of the model.
      ELSEWHERE: a media part that does not lie in Cloud Storage.
      LEVEL: a media part with a media resolution of its own.
      SEGMENT: a media part with videoMetadata.
      DOUBT: a media part of which something is not known, or that is cut off.
      AUDIO, VIDEO, DOCUMENT: a media part of that kind.
      UNCERTAIN: a part of a kind that the model may not tune.
      CHOICE: a media resolution that was chosen for the dataset.
      TIMES: an answer that may hold times of the media.
    """

    NOTHING = 0
    TURNS = enum.auto()
    MEDIA = enum.auto()
    SEVERAL = enum.auto()
    MODEL_MEDIA = enum.auto()
    ELSEWHERE = enum.auto()
    LEVEL = enum.auto()
    SEGMENT = enum.auto()
    DOUBT = enum.auto()
    AUDIO = enum.auto()
    VIDEO = enum.auto()
    DOCUMENT = enum.auto()
    UNCERTAIN = enum.auto()
    CHOICE = enum.auto()
    TIMES = enum.auto()


class Anew(enum.Enum):
    """What becomes of a rule's findings under a what-if profile: other models, one media resolution on every line.

    Attributes:
      NEVER: they stay, for neither model nor media resolution changes them; unless the models' limits differ.
      BY_MODEL: the rule runs again with the limits of the profile's models.
      BY_PROFILE: `what_if` works them out for each profile.
      GONE: they go, for the profile's media resolution is set on every line.
    """

    NEVER = enum.auto()
    BY_MODEL = enum.auto()
    BY_PROFILE = enum.auto()
    GONE = enum.auto()


class Rule(NamedTuple):
    """A check and what it declares.

    Attributes:
      reasons: that it may find.
      is_limit: whether they are limits that the report names under a what-if profile.
    """

    name: str
    check: Check
    need: Need
    reasons: frozenset[Reason]
    anew: Anew
    is_limit: bool


def rule(need: Need, *reasons: Reason, anew: Anew = Anew.NEVER, is_limit: bool = False) -> Callable[[Check], Rule]:
    """Makes a rule of a check; the arguments are the fields of `Rule`."""
    return lambda check: Rule(check.__name__, check, need, frozenset(reasons), anew, is_limit)


# An enum's members cost more to look up and to join than these numbers.
_TURNS, _MEDIA, _SEVERAL, _MODEL_MEDIA, _ELSEWHERE, _LEVEL, _SEGMENT, _DOUBT, _OF_AUDIO, _OF_VIDEO, _OF_DOCUMENT = (
    need.value
    for need in (
        *(Need.TURNS, Need.MEDIA, Need.SEVERAL, Need.MODEL_MEDIA, Need.ELSEWHERE, Need.LEVEL, Need.SEGMENT),
        *(Need.DOUBT, Need.AUDIO, Need.VIDEO, Need.DOCUMENT),
    )
)
_UNCERTAIN, _CHOICE, _TIMES = Need.UNCERTAIN.value, Need.CHOICE.value, Need.TIMES.value
_GCS, _CONSISTENT = Place.GCS, MediaResolutionChoice.CONSISTENT
_AUDIO, _VIDEO, _DOCUMENT = MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.DOCUMENT


def needs_met(facts: ExampleFacts) -> int:
    """The values of the needs that an example meets, joined."""
    met = 0
    example, uncertain = facts.example, facts.limits.uncertain_parts.values
    if facts.parts:
        met = _MEDIA if len(facts.parts) == 1 else _MEDIA | _SEVERAL
        for part in facts.parts:
            info, given, kind = part.info, part.given, part.kind
            if kind is _VIDEO:
                met |= _OF_VIDEO
            elif kind is _AUDIO:
                met |= _OF_AUDIO
            elif kind is _DOCUMENT:
                met |= _OF_DOCUMENT
            if info is None or not part.length_ns or part.size_bytes is None or info.truncated or info.tail_cut:
                met |= _DOUBT
            if part.place is not _GCS:
                met |= _ELSEWHERE
            if given.media_resolution is not None:
                met |= _LEVEL
            if given.segment is not None:
                met |= _SEGMENT
            if given.role != USER:
                met |= _MODEL_MEDIA
            if kind in uncertain:
                met |= _UNCERTAIN
    if uncertain and example.function_path is not None:
        met |= _UNCERTAIN
    if example.timed_texts:
        met |= _TIMES
    if example.roles != USUAL_TURNS:
        met |= _TURNS
    if facts.policy.media_resolution is not _CONSISTENT:
        met |= _CHOICE
    return met
