"""Which of the places that URIs lead to the tuning service is said to read.

What a URI says is told by `beam_tuning.media.location`; this decides what is worth probing.
"""

from __future__ import annotations

import enum
import re

from beam_tuning.media.location import Location, Refusal, locate


class Place(enum.StrEnum):
    """Where a URI leads."""

    GCS = "gs"
    HTTP = "http"
    LOCAL = "local"


#: Tuning reads gs:// objects and public http(s) addresses
#: (https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video); local files are of use to a
#: check before the upload.
_PLACES = {"gs": Place.GCS, "http": Place.HTTP, "file": Place.LOCAL}
_VIDEO_PAGES = re.compile(r"(?:[a-z]+\.)?(?:youtube\.com|youtube-nocookie\.com|youtu\.be)")


def place_of(uri: str) -> Place | None:
    """Where a well-formed URI leads; None when it is malformed or of a kind that tuning is not said to read."""
    location = locate(uri)
    if isinstance(location, Refusal):
        return None
    place = _PLACES.get(location.store)
    if place is Place.HTTP and _is_video_page(location):
        return None
    return place


def fault_of(uri: str) -> str:
    """Why `place_of` gave None, as the end of a sentence that begins with the URI."""
    location = locate(uri)
    if isinstance(location, Refusal):
        return location.fault
    if _is_video_page(location):
        return "is a page with a video, not a file; no page on tuning mentions YouTube"
    return f"has the scheme {location.store}, which no page says that tuning reads"


def _is_video_page(location: Location) -> bool:
    return _VIDEO_PAGES.fullmatch(location.host) is not None
