"""From the text of limits.toml to `Limits`, with a person's own file laid over it.

The narrower table wins: a model's over its generation's over the defaults. Nothing here reads a file; that is
`beam_tuning.limits_file`.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import msgspec

from beam_tuning.dataset.api_schema import ABSENT, PART_MEDIA_RESOLUTIONS
from beam_tuning.errors import OptionError
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.limits import (
    FUNCTION_CALL,
    DatasetLimits,
    Levels,
    Limit,
    Limits,
    ModelLimits,
    Names,
    Number,
    Price,
    Range,
)
from beam_tuning.policy.wording import shown

#: What a person's own file looks like.
EXAMPLE = """\
[models."gemini-2.5-flash".video_length_low]
value = 900
note = "as agreed by mail"
"""

_VALUE_KEYS = frozenset({"value", "values", "low", "high", "levels"})
_LEVEL_NAMES = (ABSENT, *PART_MEDIA_RESOLUTIONS)
_KINDS_OF_PARTS = (FUNCTION_CALL, *MediaKind)
#: No real limit is larger, and every reader of JSON holds it: https://www.rfc-editor.org/rfc/rfc8259#section-6
_LARGEST = 2**53
_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}", re.ASCII)
_MODEL_KEYS = ("generation", "status", "instead")


def limits_of(built_in: str, own: str | None = None, own_name: str = "") -> Limits:
    """The limits that a text of the form of limits.toml gives.

    Args:
      built_in: the text of limits.toml.
      own: the text of a person's own file, whose entries replace the built-in ones. An entry there needs only the keys
        that it changes, and a model that is not built in only its generation.
      own_name: of the person's file, for messages and as the source of its entries.

    Raises:
      OptionError: the person's file holds something that is no entry, key or value.
    """
    tables = tomllib.loads(built_in)
    if own is not None:
        _Overrides(own_name, tables).apply(own)
    models = {}
    for name in tables["models"]:
        try:
            models[name] = msgspec.convert(_model_entries(tables, name), ModelLimits)
        except msgspec.ValidationError as error:
            raise refusal(
                "a value is of the wrong type", f'{own_name}: models."{name}"', observed=str(error)
            ) from error
        _check_values(models[name], own_name)
    return Limits(models)


def refusal(what: str, where: str, remedy: str = "", *, observed: object = None, limit: object = None) -> OptionError:
    """An error about a person's own limits file, with what such a file looks like."""
    lines = "".join(f"\n              {line}" for line in EXAMPLE.splitlines())
    remedy = f"{remedy} " if remedy else ""
    return OptionError(
        what, where=where, observed=observed, limit=limit, remedy=f"{remedy}Such a file looks like this:{lines}"
    )


def _model_entries(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    model = tables["models"][name]
    return {"name": name, **tables["defaults"], **tables["generations"][model["generation"]], **model}


class _Overrides:
    """A person's own file, laid over the built-in tables. Every name in it must be known: a typing error is told."""

    def __init__(self, name: str, tables: dict[str, Any]) -> None:
        self._name = name
        self._tables = tables
        self._keys = {
            field.name: frozenset(field.type.__struct_fields__)
            for field in msgspec.structs.fields(ModelLimits)
            if isinstance(field.type, type) and issubclass(field.type, Limit)
        }

    def apply(self, text: str) -> None:
        own = self._parsed(text)
        self._check_names(own, self._tables, "")
        # What a narrower table inherits must hold the wider table's replacements already.
        self._replace(self._tables["defaults"], own.get("defaults", {}), self._tables["defaults"], "defaults")
        generations = self._table(own.get("generations", {}), "generations")
        self._check_names(generations, self._tables["generations"], "generations.")
        for name, entries in generations.items():
            generation = self._tables["generations"][name]
            self._replace(generation, entries, {**self._tables["defaults"], **generation}, f"generations.{name}")
        for name, entries in self._table(own.get("models", {}), "models").items():
            section = f'models."{shown(name)}"'
            given = self._model(name, self._table(entries, section), section)
            self._replace(self._tables["models"][name], given, _model_entries(self._tables, name), section)

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except RecursionError:
            raise refusal("the limits file is nested too deeply", self._name) from None
        except ValueError as error:  # tomllib's own, and that of an integer with thousands of digits
            raise refusal("the limits file is not TOML", self._name, "See https://toml.io.", observed=error) from error

    def _model(self, name: str, given: dict[str, Any], section: str) -> dict[str, Any]:
        """The entries that are given for a model. One that names its generation, and is not built in, is added."""
        models = self._tables["models"]
        if name in models:
            return given
        if "generation" not in given:
            self._unknown(name, models, f"models.{shown(name)}", 'To add a model, give its generation = "gemini-3".')
        if not _MODEL_NAME.fullmatch(name):
            self._refuse("this is not a model's name", section, "Write it as in a tuning job's baseModel.")
        generations = self._tables["generations"]
        for key in _MODEL_KEYS:
            if not isinstance(given.get(key, ""), str):
                self._refuse("this must be a text", f"{section}.{key}")
        if given["generation"] not in generations:
            self._unknown(given["generation"], generations, f"{section}.generation", "")
        models[name] = {key: given[key] for key in _MODEL_KEYS if key in given}
        return {key: value for key, value in given.items() if key not in _MODEL_KEYS}

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
            entry = {"label": base["label"], "unit": base["unit"], "source": self._name}
            entry |= {key: base[key] for key in self._keys[name] & _VALUE_KEYS if key in base} | given
            if "levels" in given:
                self._check_names(given["levels"], _LEVEL_NAMES, f"{where}.levels.")
                entry["levels"] = base["levels"] | given["levels"]
            table[name] = entry

    def _table(self, given: Any, section: str) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._refuse("this must be a table", section)
        table: dict[str, Any] = given
        return table

    def _check_names(self, given: Any, known: Iterable[str], prefix: str) -> None:
        for name in self._table(given, prefix.rstrip(".")):
            if name not in known:
                self._unknown(name, known, f"{prefix}{shown(name)}", "")

    def _unknown(self, name: str, known: Iterable[str], key: str, remedy: str) -> NoReturn:
        near = difflib.get_close_matches(name, list(known), n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Known here: {', '.join(sorted(known))}."
        self._refuse("nothing has this name", key, f"{hint} {remedy}".strip())

    def _refuse(self, what: str, key: str, remedy: str = "") -> NoReturn:
        raise refusal(what, f"{self._name}: {key}", remedy)


def _check_values(model: ModelLimits, file: str) -> None:
    for name, entry in model.entries().items():
        where = f"{file}: {name}"
        match entry:
            case Number(value=value):
                ranges = [(value, value)]
            case Price(value=price):
                ranges = [] if price is None else [(price, price)]
            case Range(low=low, high=high):
                ranges = [(low, high)]
            case Levels(levels=levels):
                ranges = list(levels.values())
            case Names(values=values) if name == "uncertain_parts":
                odd = next((value for value in values if value not in _KINDS_OF_PARTS), None)
                if odd is not None:
                    raise refusal(
                        "no part is of this kind", where, observed=shown(odd), limit=", ".join(_KINDS_OF_PARTS)
                    )
                continue
            case _:
                continue
        for low, high in ranges:
            if not 0 <= low <= high <= _LARGEST or (isinstance(entry, Range) and low == 0):
                raise refusal(
                    "a value is out of range",
                    where,
                    observed=f"{low} to {high}" if low != high else low,
                    limit=f"numbers from 0 to {_LARGEST:,}, the lower one first",
                )
            if name in DatasetLimits.__struct_fields__ and low != math.floor(low):
                raise refusal("this must be a whole number", where, observed=low)
