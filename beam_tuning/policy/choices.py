"""The values that a person chooses from where the documents are silent, and for the gate."""

from __future__ import annotations

import enum

from beam_tuning.dataset.proto_json import MEDIA_RESOLUTIONS

CONSISTENT, MAJORITY = "consistent", "majority"
#: Of --media_resolution: what to do when examples differ, or the one value that is kept.
MEDIA_RESOLUTION_CHOICES = (CONSISTENT, MAJORITY, *dict.fromkeys(filter(None, MEDIA_RESOLUTIONS.values())))
#: Of --length_basis: what a length limit is held against where an example names a segment.
LENGTH_BASES = ("segment", "file")
#: Of --resolution_scope: which examples must agree on the media resolution.
RESOLUTION_SCOPES = ("all", "visual")


class FailOn(enum.StrEnum):
    """Which answer closes the gate."""

    AS_GIVEN = "as_given"
    CLEANED = "cleaned"
    NEVER = "never"
