"""Where a media URI can be looked at in a browser.

URIs are hostile: only what is surely a web address becomes a link.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

#: Serves objects to a browser that is signed in and may read them:
#: https://docs.cloud.google.com/storage/docs/access-control/cookie-based-authentication
_GCS_IN_BROWSER = "https://storage.cloud.google.com"
#: https://docs.cloud.google.com/storage/docs/buckets#naming
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_WEB_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_NS_PER_S = 1_000_000_000


class MediaLink(NamedTuple):
    """`href` opens the object; `src` plays its segment, by a media fragment (https://www.w3.org/TR/media-frags/)."""

    href: str
    src: str


def media_link(
    uri: str, start_ns: int | None = None, end_ns: int | None = None, *, local: bool = False
) -> MediaLink | None:
    """The link of a gs://, http:// or https:// URI; None for any other and for what is not well-formed.

    Args:
      local: whether absolute paths of this machine are linked as well, as after a run that read local media.
    """
    href = (_local_href(uri) if local else None) or _href(uri)
    if href is None:
        return None
    return MediaLink(href, href + _fragment(start_ns, end_ns))


def page_link(url: str) -> str | None:
    """The URL itself if it is an https address, for links that do not come from the dataset."""
    return url if url.startswith("https://") and _href(url) is not None else None


def _href(uri: str) -> str | None:
    if uri.startswith("gs://"):
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        # A browser would take a segment of dots for a way up, to another bucket.
        if not _BUCKET.fullmatch(bucket) or not name or {".", ".."} & set(name.split("/")):
            return None
        return f"{_GCS_IN_BROWSER}/{bucket}/{quote(name, safe='/', errors='replace')}"
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    # No user:password@ in the host: it exists to make one address look like another.
    if parts.scheme not in ("http", "https") or not _WEB_HOST.fullmatch(parts.netloc):
        return None
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._", errors="replace")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~-._", errors="replace")
    return f"{parts.scheme}://{parts.netloc}{path}" + (f"?{query}" if query else "")


def _local_href(uri: str) -> str | None:
    path = unquote(uri.removeprefix("file://")) if uri.startswith("file:///") else uri
    # Two slashes at the start would name another machine.
    if not path.startswith("/") or path[1:2] in ("/", "\\"):
        return None
    return f"file://{quote(path, safe='/', errors='replace')}"


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
