"""Where a media URI can be looked at in a browser.

URIs are hostile: only what is surely a web address becomes a link.
"""

from __future__ import annotations

from typing import NamedTuple

from beam_tuning.media.location import STORES, Refusal, locate

_NS_PER_S = 1_000_000_000


class MediaLink(NamedTuple):
    """`href` opens the object; `src` plays its segment, by a media fragment (https://www.w3.org/TR/media-frags/)."""

    href: str
    src: str


def media_link(
    uri: str, start_ns: int | None = None, end_ns: int | None = None, *, local: bool = False
) -> MediaLink | None:
    """The link of a URI that a store reads; None where no link is safe, and for what is not well-formed.

    Args:
      local: whether absolute paths of this machine are linked as well, as after a run that read local media.
    """
    location = locate(uri)
    if isinstance(location, Refusal) or (location.store == "file" and not local):
        return None
    href = STORES[location.store].link(location)
    return None if href is None else MediaLink(href, href + _fragment(start_ns, end_ns))


def page_link(url: str) -> str | None:
    """The URL itself if it is an https address, for links that do not come from the dataset."""
    return url if url.startswith("https://") and not isinstance(locate(url), Refusal) else None


def _fragment(start_ns: int | None, end_ns: int | None) -> str:
    if not _usable(start_ns) and not _usable(end_ns):
        return ""
    start = _seconds(start_ns) if start_ns and _usable(start_ns) else "0"
    end = f",{_seconds(end_ns)}" if end_ns and _usable(end_ns) and end_ns > (start_ns or 0) else ""
    return f"#t={start}{end}"


def _usable(offset_ns: int | None) -> bool:
    return offset_ns is not None and offset_ns > 0


def _seconds(offset_ns: int) -> str:
    seconds, nanoseconds = divmod(offset_ns, _NS_PER_S)
    return f"{seconds}.{nanoseconds:09d}".rstrip("0").rstrip(".")
