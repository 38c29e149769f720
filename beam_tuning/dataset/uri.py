"""Where the URIs of media parts lead, told by their form alone.

This decides what is worth probing; the store that is asked for an object looks closer and may still refuse the URI.
"""

from __future__ import annotations

import enum
import re


class Place(enum.StrEnum):
    """Where a URI leads."""

    GCS = "gs"
    HTTP = "http"
    LOCAL = "local"


#: https://docs.cloud.google.com/storage/docs/buckets#naming and https://docs.cloud.google.com/storage/docs/objects#naming
_GCS = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]/[^\x00\r\n]+")
#: Scheme, host without user and password, port, rest (RFC 3986); no white space and no control characters.
_HTTP = re.compile(
    r"https?://(?P<host>[^\x00-\x20\x7f/?#@:\\\[\]]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?#][^\x00-\x20\x7f]*)?"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_VIDEO_PAGES = re.compile(r"(?:[a-z]+\.)?(?:youtube\.com|youtube-nocookie\.com|youtu\.be)", re.IGNORECASE)
#: Stores read no longer ones.
_LONGEST_CHARS = 8192


def place_of(uri: str) -> Place | None:
    """Where a well-formed URI leads; None when it is malformed or of a kind that tuning is not said to read."""
    if not uri or len(uri) > _LONGEST_CHARS:
        return None
    if uri.startswith("gs://"):
        return Place.GCS if _GCS.fullmatch(uri) else None
    if uri.startswith(("https://", "http://")):
        match = _HTTP.fullmatch(uri)
        return Place.HTTP if match and not _VIDEO_PAGES.fullmatch(match["host"]) else None
    if "\x00" in uri or (_SCHEME.match(uri) and not uri.startswith("file:///")):
        return None
    return Place.LOCAL


def fault_of(uri: str) -> str:
    """Why `place_of` gave None, as the end of a sentence that begins with the URI."""
    if len(uri) > _LONGEST_CHARS:
        return f"has {len(uri):,} characters; at most {_LONGEST_CHARS:,} are read"
    if uri.startswith("gs://"):
        return "is no well-formed gs://bucket/object"
    if uri.startswith(("https://", "http://")):
        if _HTTP.fullmatch(uri):
            return "is a page with a video, not a file; no page on tuning mentions YouTube"
        return "is no well-formed http(s) address without user name and password"
    scheme = _SCHEME.match(uri)
    if scheme and not uri.startswith("file:///"):
        return f"has the scheme {scheme[1][:20]}, which tuning is not said to read"
    return "is no path"
