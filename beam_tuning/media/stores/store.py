"""What a store is: the contract between the prober and the places where media lie.

A store is one module. It says what its URIs mean (`parse`), which of its objects wait in one lane of the prober's queue
(`lane`), where a browser finds an object (`link`), and it reads objects and says what identifies them (`connect`).
`beam_tuning.media.location.STORES` lists the stores: a new one takes a module and a line there.

The modules of stores import no network client, so that whoever only wants to know what a URI says gets none. A store
behind HTTP writes requests and reads answers (`beam_tuning.media.stores.dialect`); others do the sending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeCost, ProbeFailure
from beam_tuning.media.probe_options import ProbeOptions

if TYPE_CHECKING:
    from beam_tuning.media.stores.budget import Budget
    from beam_tuning.media.stores.dialect import Dialect
    from beam_tuning.media.stores.retry import Clock


class Location(msgspec.Struct, frozen=True, gc=False):
    """Where a well-formed URI leads.

    Attributes:
      store: the key of its store in `STORES`: `gs`, `http` (for https too), `file` (for plain paths too).
      host: the bucket, or the host of a URL in ASCII and lower case; empty for a file.
      path: the name of the object, not encoded; of a URL path and query, encoded; of a file its path.
      port, tls: of a URL.
    """

    store: str
    host: str
    path: str
    port: int = 0
    tls: bool = False


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Why a URI leads nowhere: the end of a sentence that begins with the URI, without a full stop."""

    fault: str


class Lane(NamedTuple):
    """Objects that are served by one host, as far as anybody can tell, and wait for it in one lane of the queue.

    Attributes:
      name: of the host, for messages.
      is_service: whether the host is surely there and takes as many requests as we send, as Cloud Storage does.
    """

    name: str
    is_service: bool


class StoreError(Exception):
    """A read that failed for good, retries included.

    Attributes:
      failure: what a probe reports.
    """

    def __init__(self, kind: FailureKind, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.failure = ProbeFailure(kind, message, transient)


def empty() -> StoreError:
    """What each store reports of an object without bytes."""
    return StoreError(FailureKind.EMPTY, "The object is empty.")


def unsupported(fault: str) -> StoreError:
    """What a probe reports of a URI that is not read; `fault` as in `Refusal`."""
    return StoreError(FailureKind.UNSUPPORTED_URI, f"The URI {fault}.")


class ObjectReader(Protocol):
    """Reads one object, all of it from one generation, and counts what that costs. Not thread-safe.

    Every method raises `StoreError`. A reader retries transient errors itself, within the caps of `ProbeOptions` on
    time, requests and bytes.

    Attributes:
      heard: whether the store answered the last request, be it with an error. A store that answers is there, so that
        the fault may be this object's alone.
    """

    heard: bool

    def open(self, head_bytes: int) -> tuple[ObjectInfo, bytes]:
        """The object's first bytes, [0, min(head_bytes, size)), and what the store says of it in the same answer.

        The size is known and at least 1. An object without bytes is a StoreError. Where a server does not say the size,
        the object is read to its end to find it out.
        """
        ...

    def read(self, ranges: Sequence[ByteRange]) -> tuple[bytes, ...]:
        """The bytes of each range, all of them, in the order of the ranges. The requests are sent together."""
        ...

    def stream(self, start: int) -> Iterator[bytes]:
        """The bytes from `start` to the end, in pieces, by one request."""
        ...

    def stat(self) -> ObjectInfo:
        """Size and identity of the object, as its store tells them. Of the object itself at most one byte is fetched.

        The size is None where a web server does not tell it.
        """
        ...

    @property
    def cost(self) -> ProbeCost:
        """What the reader has done so far; `latency_ms` is left 0 for the prober to fill."""
        ...

    def close(self) -> None:
        """Gives connections back. May be called again."""
        ...


class Tokens(Protocol):
    """Headers that say on whose behalf Cloud Storage is asked; see `beam_tuning.media.stores.credentials`."""

    def headers(self) -> dict[str, str]:
        """Empty when nobody is signed in. Raises StoreError when somebody is, and gets no token."""
        ...

    def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401: whether another token can be had than the one in these headers."""
        ...


class Shared(NamedTuple):
    """What all readers of a process share.

    Attributes:
      environ: environment variables.
      remote: makes a reader of one object behind HTTP, on connections that are kept.
    """

    options: ProbeOptions
    clock: Clock
    environ: Mapping[str, str]
    tokens: Tokens
    remote: Callable[[Dialect, Budget], ObjectReader]


Connect = Callable[[Location, "Budget"], ObjectReader]


class Store(Protocol):
    """One kind of place where media lie. Stateless: what is open belongs to what `connect` gives."""

    @property
    def name(self) -> str:
        """The key in `STORES`, and `Location.store` of its objects."""
        ...

    @property
    def schemes(self) -> tuple[str, ...]:
        """Of its URIs, in lower case; `name` is one of them."""
        ...

    def parse(self, uri: str) -> Location | Refusal:
        """Where a URI of one of the schemes leads, by its form alone: no I/O, nothing raised.

        Called for every mention of a media object in the dataset: a microsecond or two.
        """
        ...

    def lane(self, location: Location) -> Lane:
        """The lane of the prober's queue in which the object waits."""
        ...

    def link(self, location: Location) -> str | None:
        """The address at which a browser finds the object, in ASCII without quotes; None for none that is safe."""
        ...

    def connect(self, shared: Shared) -> Connect:
        """What makes readers of this store's objects in this process. Sends nothing yet.

        Raises:
          OptionError: the environment names a service that cannot be used.
        """
        ...
