"""What the tuning service accepts, model by model: the numbers of limits.toml, each with its source.

`beam_tuning.policy.limits_toml` makes these from the text of that file.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Mapping

import msgspec

from beam_tuning.curation.room import Room
from beam_tuning.dataset.api_schema import LOW, MEDIUM
from beam_tuning.errors import OptionError
from beam_tuning.policy.wording import shown

#: What `uncertain_parts` may name beside the kinds of media: function calls and function responses.
FUNCTION_CALL = "function call"

_VERSION = re.compile(r"-[0-9]{3}\Z", re.ASCII)


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every entry says of itself.

    Attributes:
      source: a public page, "beam_tuning" for the project's own decision, or the file that replaced the entry.
      read: the day the page was read.
      note: what the page leaves open, and how it is read here.
    """

    label: str
    unit: str
    source: str
    read: datetime.date | None = None
    note: str = ""


class Number(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number, in `unit`."""

    value: int | float


class Range(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both ends inclusive: sources disagree."""

    low: int | float
    high: int | float


class Levels(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A range for each media resolution; `ABSENT` for none."""

    levels: dict[str, tuple[int | float, int | float]]


class Names(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values of a list."""

    values: tuple[str, ...]


class Sizes(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whole numbers that are accepted."""

    values: tuple[int, ...]


class Switch(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether something is accepted."""

    value: bool


class Price(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars; None when no published price is known."""

    value: int | float | None = None


class Day(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day; None when none is published."""

    value: datetime.date | None = None


class DatasetLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits on whole files, as whole numbers; limits.toml says what each is, and where it stands."""

    drop_percent: int
    training_file_bytes: int
    text_examples: int
    multimodal_examples: int
    validation_examples: int
    validation_percent: int
    validation_percent_from: int
    few_examples: int


class ModelLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All entries that hold for one model; limits.toml says what each is.

    Attributes:
      name: as in a tuning job's `baseModel`.
      generation: models that share token rates.
      status: what the pages say of the model's own state.
      instead: the model to take when this one is gone; empty when the pages name none.
    """

    name: str
    generation: str
    status: str = ""
    instead: str = ""

    removal: Day
    retirement: Day
    uncertain_parts: Names

    example_tokens: Number
    audio_files: Number
    audio_bytes: Number
    audio_length: Number
    video_files: Number
    video_bytes: Number
    video_length_absent: Number
    video_length_low: Number
    video_length_medium: Number
    video_length_high: Number
    image_files: Number
    image_bytes: Number
    document_files: Number
    document_bytes: Number
    document_pages: Number
    http_bytes: Number
    fps: Number
    segment_tolerance: Number
    part_media_resolution: Switch

    drop_percent: Number
    training_file_bytes: Number
    text_examples: Number
    multimodal_examples: Number
    validation_examples: Number
    validation_percent: Number
    validation_percent_from: Number
    few_examples: Number

    adapter_sizes: Sizes
    tuning_regions: Names
    tuned_model_name: Number
    label_length: Number
    audio_mime_types: Names
    video_mime_types: Names
    image_mime_types: Names
    document_mime_types: Names
    uncertain_mime_types: Names

    text_bytes_per_token: Range
    audio_tokens_per_second: Range
    video_frame_tokens: Levels
    image_tokens: Levels
    small_image_side: Number
    small_image_tokens: Levels
    page_tokens: Levels
    price: Price

    def entries(self) -> Mapping[str, Limit]:
        """All entries by name, in order."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if isinstance(value, Limit)}

    def video_length_s(self, media_resolution: str | None) -> int | float:
        """Seconds that a video may last at a media resolution; one above HIGH counts as HIGH."""
        if media_resolution is None:
            return self.video_length_absent.value
        if media_resolution == LOW:
            return self.video_length_low.value
        if media_resolution == MEDIUM:
            return self.video_length_medium.value
        return self.video_length_high.value

    def dataset_limits(self) -> DatasetLimits:
        """The limits on whole files."""
        return DatasetLimits(**{name: int(getattr(self, name).value) for name in DatasetLimits.__struct_fields__})


class Limits(msgspec.Struct, frozen=True):
    """The limits of all models, by name."""

    models: dict[str, ModelLimits]

    def model(self, name: str) -> ModelLimits:
        """The limits of one model.

        Args:
          name: as in `models`, or as people write it: `models/NAME`, `publishers/google/models/NAME`, `NAME-001`.

        Raises:
          OptionError: no such model is known.
        """
        last = name.rpartition("/")[2]
        plain = _VERSION.sub("", last)
        for spelling in (name, last, plain):
            if spelling in self.models:
                return self.models[spelling]
        near = difflib.get_close_matches(plain, self.models, n=2, cutoff=0.5)
        remedy = f"Did you mean {' or '.join(near)}? " if near else "Name one of these models. "
        raise OptionError(
            "no limits are known for this model",
            where="--model",
            observed=shown(name),
            limit=", ".join(self.models),
            remedy=f'{remedy}A --limits file may add one: [models."NAME"] with generation = "gemini-3".',
        )


def room_of(model: ModelLimits) -> Room:
    """How many examples and bytes the model's limits have room for."""
    limits = model.dataset_limits()
    return Room(
        text_examples=limits.text_examples,
        multimodal_examples=limits.multimodal_examples,
        train_bytes=limits.training_file_bytes,
        validation_examples=limits.validation_examples,
        validation_percent=limits.validation_percent,
        validation_percent_from=limits.validation_percent_from,
    )
