"""What a store behind HTTP says and understands: requests to send, and what the answers mean. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Protocol

from beam_tuning import __version__
from beam_tuning.media.info import ObjectInfo

if TYPE_CHECKING:
    from beam_tuning.media.stores.retry import TransientError
    from beam_tuning.media.stores.store import StoreError

USER_AGENT = f"beam-tuning/{__version__}"
#: No entity tag, MIME type or checksum of an honest store is longer.
_MAX_HEADER_CHARS = 256


class Endpoint(NamedTuple):
    """What a connection is to; `guarded` when the host's name comes from the dataset."""

    tls: bool
    host: str
    port: int
    guarded: bool


class HttpRequest(NamedTuple):
    """One GET. `target` is the path and query, encoded."""

    endpoint: Endpoint
    target: str
    headers: Mapping[str, str]


class Answer(Protocol):
    """Status and headers of an answer. What they say is the server's: hostile until looked at."""

    @property
    def host(self) -> str: ...

    @property
    def status(self) -> int: ...

    def header(self, name: str) -> str | None:
        """The value of a header; None when it is absent."""
        ...

    def header_list(self, name: str) -> str:
        """The values of a header that may come more than once, joined by commas."""
        ...


class Dialect(Protocol):
    """One object as its store is asked for it. May change with the answers, e.g. after a redirect.

    Attributes:
      refusal_bytes: most bytes of a refusal's body that `refusal` wants to see.
    """

    refusal_bytes: int

    def request(self, byte_range: str | None, info: ObjectInfo) -> HttpRequest:
        """The request for these bytes (`0-65535`, `100-`), without for the whole object.

        Args:
          info: what earlier answers said; later requests name the same generation.

        Raises:
          StoreError: the store cannot be asked.
        """
        ...

    def metadata_request(self) -> HttpRequest | None:
        """The request for what is known of the object without its bytes; None when the store has no such thing."""
        ...

    def metadata(self, body: bytes) -> ObjectInfo | None:
        """What the answer to it says; None when it cannot be read."""
        ...

    def describe(self, answer: Answer, size_bytes: int | None) -> ObjectInfo:
        """What the headers of a success say of the object."""
        ...

    def objection(self, answer: Answer) -> StoreError | None:
        """Why a success is of no use; None when it is."""
        ...

    def refusal(self, answer: Answer, body: bytes) -> StoreError | TransientError:
        """What a status means that is neither a success nor plainly transient."""
        ...

    def redirect(self, location: str) -> None:
        """Makes the value of a Location header the place of the next request.

        Raises:
          StoreError: it may not be followed.
        """
        ...


def phrase(status: int) -> str:
    """The status with its registered name; the server's own words are not repeated."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def one_line(text: str, most_chars: int) -> str:
    """Text of somebody else as one line to print: blanks for what is not printable, cut at so many characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * most_chars]).split())
    return line if len(line) <= most_chars else line[:most_chars] + "…"


def header_text(answer: Answer, name: str) -> str | None:
    """A header's value to show: printable ASCII, `?` for all else, cut; None when it is absent or empty."""
    return shown(answer.header(name))


def shown(value: str | None) -> str | None:
    """A value to show: printable ASCII, `?` for all else, cut; None when there is none."""
    text = (value or "")[:_MAX_HEADER_CHARS]
    if not (text.isascii() and text.isprintable()):
        text = "".join(char if " " <= char <= "~" else "?" for char in text)
    return text.strip() or None


def identity(value: str | None) -> str | None:
    """A value that tells one object from another, e.g. an entity tag: whole and printable ASCII, or None.

    A tag that was cut or mended could be that of two objects.
    """
    text = (value or "").strip()
    return text if text and len(text) <= _MAX_HEADER_CHARS and text.isascii() and text.isprintable() else None
