"""What a repair orders of one media object, and what it gets."""

from __future__ import annotations

import msgspec

from beam_tuning.media.edit.wanted import SECOND_NS, Kind, Made
from beam_tuning.media.info import ObjectInfo


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of an object.

    Attributes:
      start_ns, stop_ns: the part; `stop_ns` None goes to the end.
      max_bytes: of each file.
      longest_ns: where the object is to be taken apart, of each piece; None for one file. The part is then the whole.
      overlap_ns: of pieces.
      tolerance_ns: by how much a part may begin elsewhere, so that nothing need be encoded.
    """

    kind: Kind
    start_ns: int = 0
    stop_ns: int | None = None
    max_bytes: int | None = None
    longest_ns: int | None = None
    overlap_ns: int = 0
    tolerance_ns: int = SECOND_NS // 2


class SourceObject(msgspec.Struct, frozen=True):
    """An object as the run probed it."""

    uri: str
    info: ObjectInfo

    @property
    def identity(self) -> str | None:
        """What tells its bytes from all others under the same URI; None when the store says nothing of that kind."""
        info = self.info
        told = info.generation or info.crc32c or info.md5 or info.etag
        return None if told is None else f"{self.uri}\n{told}\n{info.size_bytes}"


class DeliveredFile(msgspec.Struct, frozen=True):
    """A file that lies where it is to lie.

    Attributes:
      was_there: whether an earlier run had made it.
    """

    uri: str
    made: Made
    was_there: bool = False


class Delivered(msgspec.Struct, frozen=True, tag="delivered"):
    """The files of one order, in the order of time."""

    files: tuple[DeliveredFile, ...]


class NotDelivered(msgspec.Struct, frozen=True, tag="not_delivered"):
    """Why an order has no files: a sentence's end that begins with `the file`."""

    why: str
    is_transient: bool = False


Delivery = Delivered | NotDelivered
