"""What the tuning service accepts, model by model: the numbers of limits.toml, each with its source.

`load_limits` reads the built-in file and lays a person's own over it. The narrower table wins: a model's over its
generation's over the defaults.
"""

from __future__ import annotations

import datetime
import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from beam_tuning.errors import OptionError
from beam_tuning.policy.readiness import DatasetLimits

#: How an absent media resolution is named in tables of levels.
ABSENT = "absent"


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
    """Values that are accepted."""

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


class ModelLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All entries that hold for one model; limits.toml says what each is.

    Attributes:
      name: as in a tuning job's `baseModel`.
      generation: models that share token rates.
      status: what the pages say of the model's own state.
    """

    name: str
    generation: str
    status: str = ""

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
    price: Price

    def entries(self) -> Mapping[str, Limit]:
        """All entries by name, in order."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if isinstance(value, Limit)}

    def video_length_s(self, media_resolution: str | None) -> int | float:
        """Seconds that a video may last at a media resolution; one above HIGH counts as HIGH."""
        if media_resolution is None:
            return self.video_length_absent.value
        if media_resolution == "MEDIA_RESOLUTION_LOW":
            return self.video_length_low.value
        if media_resolution == "MEDIA_RESOLUTION_MEDIUM":
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

        Raises:
          OptionError: no such model is known.
        """
        found = self.models.get(name)
        if found is not None:
            return found
        near = difflib.get_close_matches(name, self.models, n=2, cutoff=0.5)
        raise OptionError(
            "no limits are known for this model",
            where="--model",
            observed=name,
            limit=", ".join(self.models),
            remedy=f"Did you mean {' or '.join(near)}?" if near else "Name one of these models.",
        )


def load_limits(overrides: Path | None = None) -> Limits:
    """The built-in limits, with the entries of `overrides` in place of theirs.

    Args:
      overrides: a TOML file of the form of limits.toml; an entry there needs only the keys that it changes.

    Raises:
      OptionError: the file cannot be read, or holds something that is no entry, key or value.
    """
    tables = tomllib.loads(resources.files("beam_tuning.policy").joinpath("limits.toml").read_text("utf-8"))
    if overrides is not None:
        _Overrides(overrides, tables).apply()
    models = {}
    for name in tables["models"]:
        try:
            models[name] = msgspec.convert(_model_entries(tables, name), ModelLimits)
        except msgspec.ValidationError as error:
            raise OptionError("a value is of the wrong type", where=str(overrides), observed=str(error)) from error
        _check_values(models[name], str(overrides))
    return Limits(models)


def _model_entries(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    model = tables["models"][name]
    return {"name": name, **tables["defaults"], **tables["generations"][model["generation"]], **model}


class _Overrides:
    """A person's own file, laid over the built-in tables. Every name in it must be known: a typing error is told."""

    def __init__(self, path: Path, tables: dict[str, Any]) -> None:
        self._path = path
        self._tables = tables
        self._keys = {
            field.name: frozenset(field.type.__struct_fields__)
            for field in msgspec.structs.fields(ModelLimits)
            if isinstance(field.type, type) and issubclass(field.type, Limit)
        }

    def apply(self) -> None:
        own = self._read()
        self._check_names(own, self._tables, "")
        # What a narrower table inherits must hold the wider table's replacements already.
        self._replace(self._tables["defaults"], own.get("defaults", {}), self._tables["defaults"], "defaults")
        for name, entries in self._sections(own, "generations"):
            generation = self._tables["generations"][name]
            self._replace(generation, entries, {**self._tables["defaults"], **generation}, f"generations.{name}")
        for name, entries in self._sections(own, "models"):
            model = self._tables["models"][name]
            self._replace(model, entries, _model_entries(self._tables, name), f'models."{name}"')

    def _read(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._path.read_text("utf-8"))
        except OSError as error:
            raise OptionError(
                "the limits file cannot be read", where=str(self._path), observed=error.strerror
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OptionError(
                "the limits file is not TOML", where=str(self._path), observed=error, remedy="See https://toml.io."
            ) from error

    def _sections(self, own: Mapping[str, Any], kind: str) -> Iterable[tuple[str, Any]]:
        sections: dict[str, Any] = own.get(kind, {})
        self._check_names(sections, self._tables[kind], f"{kind}.")
        return sections.items()

    def _replace(self, table: dict[str, Any], own: Any, inherited: Mapping[str, Any], section: str) -> None:
        self._check_names(own, self._keys, f"{section}.")
        for name, given in own.items():
            where = f"{section}.{name}"
            base = inherited.get(name)
            if base is None:
                remedy = "Give it under [generations.NAME] or [models.NAME]."
                self._refuse("this entry differs between generations or models", where, remedy)
            self._check_names(given, self._keys[name], f"{where}.")
            if given.get("unit", base["unit"]) != base["unit"]:
                self._refuse("an entry keeps its unit", f"{where}.unit", f"Give the value in {base['unit']}.")
            entry = {"label": base["label"], "unit": base["unit"], "source": str(self._path)}
            entry |= {key: base[key] for key in self._keys[name] & _VALUE_KEYS if key in base} | given
            if "levels" in given:
                self._check_names(given["levels"], _LEVEL_NAMES, f"{where}.levels.")
                entry["levels"] = base["levels"] | given["levels"]
            table[name] = entry

    def _check_names(self, given: Any, known: Iterable[str], prefix: str) -> None:
        if not isinstance(given, dict):
            self._refuse("this must be a table", prefix.rstrip("."), "See limits.toml for the form.")
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, list(known), n=2)
                remedy = f"Did you mean {' or '.join(near)}?" if near else f"Known here: {', '.join(sorted(known))}."
                self._refuse("nothing has this name", f"{prefix}{name}", remedy)

    def _refuse(self, what: str, key: str, remedy: str) -> NoReturn:
        raise OptionError(what, where=f"{self._path}: {key}", remedy=remedy)


_VALUE_KEYS = frozenset({"value", "values", "low", "high", "levels"})
_LEVEL_NAMES = (
    ABSENT,
    "MEDIA_RESOLUTION_LOW",
    "MEDIA_RESOLUTION_MEDIUM",
    "MEDIA_RESOLUTION_HIGH",
    "MEDIA_RESOLUTION_ULTRA_HIGH",
)


def _check_values(model: ModelLimits, where: str) -> None:
    for name, entry in model.entries().items():
        match entry:
            case Number(value=value):
                ranges = [(value, value)]
            case Range(low=low, high=high):
                ranges = [(low, high)]
            case Levels(levels=levels):
                ranges = list(levels.values())
            case _:
                continue
        for low, high in ranges:
            if not 0 <= low <= high < math.inf or (isinstance(entry, Range) and low == 0):
                raise OptionError(
                    "a value is out of range",
                    where=f"{where}: {name}",
                    observed=f"{low} to {high}" if low != high else low,
                    limit="finite numbers from 0 on, the lower one first",
                )
            if name in DatasetLimits.__struct_fields__ and low != int(low):
                raise OptionError("this must be a whole number", where=f"{where}: {name}", observed=low)
