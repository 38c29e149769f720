"""What a person decides where the documents are silent. The command line takes its choices from here."""

from __future__ import annotations

import enum

from beam_tuning.dataset.api_schema import HIGH, LOW, MEDIUM


class LengthBasis(enum.StrEnum):
    """What a length limit is held against where an example names a segment; no page says which."""

    SEGMENT = "segment"
    FILE = "file"


class MediaResolutionChoice(enum.StrEnum):
    """What becomes of examples that ask for different media resolutions.

    Attributes:
      CONSISTENT: it is left to the dataset as a whole, which is then not ready.
      MAJORITY: examples with another than the most common value are dropped.
      LOW, MEDIUM, HIGH: examples with another value are dropped.
    """

    CONSISTENT = "consistent"
    MAJORITY = "majority"
    LOW = LOW
    MEDIUM = MEDIUM
    HIGH = HIGH


class ResolutionScope(enum.StrEnum):
    """Which examples must agree on the media resolution.

    Attributes:
      VISUAL: those with a video, an image or a document, which it changes. The usual choice: a dataset of videos at LOW
        and of text lines without the field was tuned, as its owner reports.
      ALL: every one, as https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video says by the
        letter.
    """

    VISUAL = "visual"
    ALL = "all"


USUAL_SCOPE = ResolutionScope.VISUAL
