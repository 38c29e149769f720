"""Reads the limits: the built-in file, and a person's own over it; and the policy for a model that follows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from beam_tuning.errors import OptionError
from beam_tuning.policy.choices import LengthBasis
from beam_tuning.policy.limits import Limits
from beam_tuning.policy.limits_toml import limits_of, refusal
from beam_tuning.policy.policy import Policy
from beam_tuning.policy.wording import shown

#: A file with every entry of every model is a twentieth of this.
_MOST_BYTES = 1_000_000
#: As Linux has it: https://man7.org/linux/man-pages/man0/limits.h.0p.html
_LONGEST_PATH = 4096


def load_limits(own: Path | None = None) -> Limits:
    """The built-in limits, with the entries of a person's own file in place of theirs.

    Args:
      own: a TOML file of the form of policy/limits.toml; an entry there needs only the keys that it changes.

    Raises:
      OptionError: the file cannot be read, or holds something that is no entry, key or value.
    """
    built_in = resources.files("beam_tuning.policy").joinpath("limits.toml").read_text("utf-8")
    if own is None:
        return limits_of(built_in)
    name = shown(str(own), _LONGEST_PATH)
    return limits_of(built_in, _text_of(own, name), name)


def policy_of(
    model: str,
    *,
    limits: str | os.PathLike[str] | None = None,
    length_basis: str = LengthBasis.SEGMENT,
    tolerate: Iterable[str] = (),
    allow_local_media: bool = False,
) -> Policy:
    """How single lines are judged for a model; nothing in it concerns a dataset as a whole.

    Args:
      model: as `Limits.model` takes it.
      limits: a person's own TOML file.
      length_basis: `segment` or `file`.
      tolerate: codes of reasons that shall decide nothing.

    Raises:
      OptionError: a value cannot be used.
    """
    if length_basis not in tuple(LengthBasis):
        raise OptionError.of_choice("length_basis", length_basis, tuple(LengthBasis))
    return Policy.of(
        load_limits(None if limits is None else Path(limits)),
        model,
        length_basis=LengthBasis(length_basis),
        tolerate=(tolerate,) if isinstance(tolerate, str) else tuple(tolerate),
        allow_local_media=allow_local_media,
    )


def _text_of(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise refusal("the limits file cannot be read", name, observed=error.strerror) from error
    except ValueError as error:  # a name that no file can have: NUL, a lone surrogate
        raise refusal("this is no file's name", name, observed=error) from error
    if len(data) > _MOST_BYTES:
        raise refusal("the limits file is too large", name, limit=f"{_MOST_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal("the limits file is not TOML", name, "Write it as UTF-8.", observed=error) from error
