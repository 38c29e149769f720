"""What the distinct media objects are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from beam_tuning.report.charts import media_pictures
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Count, Named, Numbers, Part, named, numbers_of

if TYPE_CHECKING:
    from beam_tuning.report.document import Document


class Media(Part, frozen=True, kw_only=True):
    """Distinct media objects."""

    objects: Count
    outcomes: Annotated[list[Named], Meta(description="`probed`, or the kind of failure.")]
    kinds: list[Named]
    containers: list[Named]
    video_codecs: list[Named]
    audio_codecs: list[Named]
    picture_sizes: Annotated[
        list[Named],
        Meta(description="By shorter side in pixels, up to and including, and orientation, e.g. `1080 landscape`."),
    ]
    duration_ms: Numbers
    size_bytes: Numbers


def _media(facts: RunFacts) -> Media:
    media = facts.media
    return Media(
        objects=media.outcomes.total,
        outcomes=named(media.outcomes),
        kinds=named(media.kinds),
        containers=named(media.containers),
        video_codecs=named(media.video_codecs),
        audio_codecs=named(media.audio_codecs),
        picture_sizes=named(media.picture_sizes),
        duration_ms=Numbers(**numbers_of(media.duration_ms)),
        size_bytes=Numbers(**numbers_of(media.size_bytes)),
    )


def _context(document: Document) -> Mapping[str, Any]:
    return {"pictures": media_pictures(document.media)}


SECTION: Section = Section(
    name="media",
    title="Media",
    fields=(Field("media", _media, "distinct media objects: outcomes of probing, containers, codecs, picture sizes"),),
    template="media.html",
    context=_context,
)
