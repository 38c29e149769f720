"""Other URIs for media that are looked at in one place and will lie in another: `--rewrite_uri OLD=NEW`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

import msgspec

from beam_tuning.dataset.uri_values import replace_uris
from beam_tuning.errors import OptionError, shortened
from beam_tuning.media.location import Refusal, locate

_GCS = "gs://"


class UriRewriting(msgspec.Struct, frozen=True):
    """Prefixes of URIs and what stands in their place. The longest prefix that fits is taken.

    Attributes:
      prefixes: (old, new), the longest old one first. A new one begins with gs://.
    """

    prefixes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, rules: Iterable[str]) -> UriRewriting:
        """From `OLD=NEW` texts.

        Raises:
          OptionError: one has another form, or two give different places to one prefix.
        """
        prefixes: dict[str, str] = {}
        for rule in rules:
            old, new = _parsed(rule)
            if prefixes.setdefault(old, new) != new:
                raise _refusal("two places are given for one prefix", rule, f"{old}={prefixes[old]}")
        return cls(tuple(sorted(prefixes.items(), key=lambda pair: (-len(pair[0]), pair[0]))))

    @property
    def reads_local(self) -> bool:
        """Whether media of this machine are rewritten."""
        return any(_scheme_of(old) in ("", "file") for old, _ in self.prefixes)

    def get(self, uri: str) -> str | None:
        """The URI that stands in place of this one; None where it stays."""
        for old, new in self.prefixes:
            if uri.startswith(old):
                return new + _as_object_name(old, uri[len(old) :])
        return None

    def line(self, line: bytes) -> bytes:
        """A line of the dataset with its media URIs rewritten; every other byte stays."""
        return replace_uris(line, self)[0] if self.prefixes else line


NOTHING_REWRITTEN: Final[UriRewriting] = UriRewriting()


def _parsed(rule: str) -> tuple[str, str]:
    old, equals, place = rule.partition(f"={_GCS}")
    new = _GCS + place
    if not old or not equals:
        raise _refusal("this is no OLD=NEW", rule, "a prefix of media URIs, =, and what stands in its place: gs://…")
    fault = locate(f"{new}x")
    if isinstance(fault, Refusal):
        raise _refusal(f"the new place {fault.fault}", rule, "gs://bucket/folder/")
    if old.endswith("/") and not new.endswith("/"):
        raise _refusal(
            "OLD ends with a slash and NEW does not, so that names would run together", rule, f"{old}={new}/"
        )
    return old, new


def _refusal(what: str, rule: str, limit: str) -> OptionError:
    return OptionError(
        what,
        where="--rewrite_uri",
        observed=shortened(rule),
        limit=limit,
        remedy="Write, for example: --rewrite_uri /data/media/=gs://bucket/media/",
    )


def _scheme_of(uri: str) -> str:
    location = locate(uri)
    if isinstance(location, Refusal):
        return uri.partition(":")[0].lower() if ":" in uri else ""
    return location.store


def _as_object_name(old: str, rest: str) -> str:
    """The end of a URI as the object's name has it: %20 is a blank in a URI, and no blank in a gs:// name or a path."""
    scheme = _scheme_of(old) if ":" in old else ""
    if scheme == "http":
        rest = rest.partition("#")[0].partition("?")[0]
    elif not old.lower().startswith("file:"):
        return rest
    return unquote(rest)
