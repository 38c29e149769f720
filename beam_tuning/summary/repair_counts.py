"""What a repair did, counted: like all of the summary a commutative monoid, with samples of a bounded number."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from beam_tuning.reasons import Finding
from beam_tuning.summary.repaired import MediaChange, Repaired
from beam_tuning.summary.samples import LONGEST_URI, SampleMedia, cut_text, keep_smallest, rank_of, within

#: Samples of each edit in each split, and times that one shows.
SAMPLES_PER_EDIT = 4
_MOST_TIMES = 6


class RepairSample(msgspec.Struct, frozen=True, array_like=True):
    """One example that came back, under one of its edits. Samples sort by `rank`, then by what they hold.

    Attributes:
      before, after: what the edit changed, as text; None where nothing stood or stands there.
      media_before: the part of the old file that the example is about now; None where the edit made no file.
      media_after: the new file.
      times: (before, after) of the first times that moved.
    """

    rank: int
    file: str
    offset_bytes: int
    line: int
    path: str
    message: str
    before: str | None
    after: str | None
    media_before: SampleMedia | None
    media_after: SampleMedia | None
    times: tuple[tuple[str, str], ...]


class EditCounts(msgspec.Struct, array_like=True):
    """New examples that one edit had a part in, and samples: those with the smallest ranks."""

    examples: int = 0
    samples: list[RepairSample] = []

    def merge(self, other: EditCounts) -> None:
        self.examples += other.examples
        self.add_samples(other.samples)

    def add_samples(self, samples: Sequence[RepairSample]) -> None:
        self.samples = keep_smallest(self.samples, samples, SAMPLES_PER_EDIT)


class RepairCounts(msgspec.Struct, array_like=True):
    """What became of the examples of one split of the run that was repaired.

    Attributes:
      kept_before: that the run kept.
      came_back: that it did not keep, and that are kept now.
      became: the new examples that those are: more where media were taken apart.
      stayed: that are not kept now either.
      edits: by reason code.
      left: by reason code, the examples that stayed out for it; an example may have several.
    """

    kept_before: int = 0
    came_back: int = 0
    became: int = 0
    stayed: int = 0
    edits: dict[str, EditCounts] = {}
    left: dict[str, int] = {}

    def add_kept(self) -> None:
        """Counts an example that the run kept."""
        self.kept_before += 1

    def add_back(self, rows: Sequence[Repaired]) -> None:
        """Counts an example that came back, as these."""
        self.came_back += 1
        self.became += len(rows)
        for row in rows:
            for code, finding in {edit.reason.code: edit for edit in reversed(row.edits)}.items():
                counts = self.edits.setdefault(code, EditCounts())
                counts.examples += 1
                counts.add_samples([_sample(row, finding)])

    def add_lost(self, row: Repaired) -> None:
        """Counts an example that did not come back."""
        self.stayed += 1
        for code in row.left if row.refused is None else (row.refused,):
            self.left[code] = self.left.get(code, 0) + 1

    def merge(self, other: RepairCounts) -> None:
        self.kept_before += other.kept_before
        self.came_back += other.came_back
        self.became += other.became
        self.stayed += other.stayed
        for code, counts in other.edits.items():
            self.edits.setdefault(code, EditCounts()).merge(counts)
        for code, count in other.left.items():
            self.left[code] = self.left.get(code, 0) + count

    def sort(self) -> None:
        self.edits = dict(sorted(self.edits.items()))
        self.left = dict(sorted(self.left.items()))


def _sample(row: Repaired, edit: Finding) -> RepairSample:
    place = row.line_id
    change = next((one for one in row.media if one.path == edit.path), None)
    return RepairSample(
        rank=rank_of(place),
        file=cut_text(place.file),
        offset_bytes=place.offset_bytes,
        line=place.line,
        path=cut_text(edit.path),
        message=cut_text(edit.message),
        before=None if edit.observed is None else cut_text(str(edit.observed)),
        after=None if edit.limit is None else cut_text(str(edit.limit)),
        media_before=None if change is None else _before(change),
        media_after=None if change is None else _media(change, change.uri, change.mime_type, None, None),
        times=tuple((cut_text(before), cut_text(after)) for _, before, after in row.times[:_MOST_TIMES]),
    )


def _before(change: MediaChange) -> SampleMedia:
    return _media(change, change.source_uri, change.source_mime_type, change.start_ns, change.stop_ns)


def _media(
    change: MediaChange, uri: str, mime_type: str | None, start_ns: int | None, stop_ns: int | None
) -> SampleMedia:
    return SampleMedia(
        uri=cut_text(uri, LONGEST_URI),
        kind=change.kind,
        mime_type=None if mime_type is None else cut_text(mime_type),
        start_ns=within(start_ns),
        end_ns=within(stop_ns),
    )
