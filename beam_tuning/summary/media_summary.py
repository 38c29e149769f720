"""What is counted over the distinct media objects of a run; the same laws as `beam_tuning.summary.summary`.

What the objects are and what probing them took are kept apart: `costs` holds times, retries and bytes on the wire,
which differ between two runs over the same input.
"""

from __future__ import annotations

import msgspec

from beam_tuning.dataset.uri import Place, place_of
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeResult
from beam_tuning.summary.distributions import LONGEST_S, BoundedCounts, Distribution

#: Classes of picture size by the shorter side in pixels: up to and including the number.
SHORTER_SIDE_CLASSES_PX = (144, 240, 360, 480, 720, 1080, 1440, 2160)
#: What a media object counts as when it was probed; else the kind of failure.
PROBED = "probed"
UNKNOWN_CODEC = "unknown"
#: Fields of a media summary that are no counts by name or bin.
_PLAIN = frozenset({"local", "costs"})


class ProbeCosts(msgspec.Struct, array_like=True):
    """What probing took, for objects that were probed in this run (`fresh`) and not found in the cache.

    Attributes:
      object_bytes: size of the fresh objects where it is known: what a whole download would have moved.
    """

    fresh: int = 0
    cached: int = 0
    requests: int = 0
    retries: int = 0
    received_bytes: int = 0
    object_bytes: int = 0
    latency_ms: Distribution = msgspec.field(default_factory=Distribution)

    def add(self, result: ProbeResult) -> None:
        if result.cached:
            self.cached += 1
            return
        cost = result.cost
        self.fresh += 1
        self.requests += cost.requests
        self.retries += cost.retries
        self.received_bytes += cost.received_bytes
        if result.object is not None and result.object.size_bytes is not None:
            self.object_bytes += result.object.size_bytes
        self.latency_ms.add(cost.latency_ms)

    def merge(self, other: ProbeCosts) -> None:
        self.fresh += other.fresh
        self.cached += other.cached
        self.requests += other.requests
        self.retries += other.retries
        self.received_bytes += other.received_bytes
        self.object_bytes += other.object_bytes
        self.latency_ms.merge(other.latency_ms)


class MediaSummary(msgspec.Struct, array_like=True):
    """Distinct media objects.

    Attributes:
      outcomes: `PROBED`, or the kind of failure.
      kinds, containers: of probed objects.
      video_codecs, audio_codecs: one for each stream; `unknown` where the header does not say.
      picture_sizes: of the first video stream as shown (rotation applied) or of an image, by shorter side and
        orientation, e.g. `1080 landscape`; sizes over the last class count as `larger`.
      duration_ms, size_bytes: where known.
      local: objects that lie on this machine, where the tuning service cannot read them.
      costs: by container, or by kind of failure.
    """

    outcomes: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    kinds: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    containers: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    video_codecs: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    audio_codecs: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    picture_sizes: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    duration_ms: Distribution = msgspec.field(default_factory=Distribution)
    size_bytes: Distribution = msgspec.field(default_factory=Distribution)
    local: int = 0
    costs: dict[str, ProbeCosts] = {}

    @classmethod
    def empty(cls) -> MediaSummary:
        """The neutral element."""
        return cls()

    def add(self, result: ProbeResult, goes_to: str | None = None) -> None:
        """Count one distinct object; `goes_to` is where kept lines name it, if elsewhere."""
        media = result.media
        if isinstance(media, MediaInfo):
            name = media.container
            self.outcomes.add(PROBED)
            self._add_media(media)
        else:
            name = media.kind.value
            self.outcomes.add(name)
        if result.object is not None:
            self.local += place_of(goes_to or result.uri) is Place.LOCAL
            if result.object.size_bytes is not None:
                self.size_bytes.add(result.object.size_bytes)
        # Both sets of names are closed: containers are named by our own code, never by a file's bytes.
        self.costs.setdefault(name, ProbeCosts()).add(result)

    def _add_media(self, media: MediaInfo) -> None:
        self.kinds.add(media.kind.value)
        self.containers.add(media.container)
        if media.duration_s is not None and 0 <= media.duration_s <= LONGEST_S:
            self.duration_ms.add(round(media.duration_s * 1000))
        width_px, height_px = media.width_px, media.height_px
        for stream in media.streams:
            codec = stream.codec or UNKNOWN_CODEC
            if stream.kind is MediaKind.VIDEO:
                self.video_codecs.add(codec)
                if width_px is None and height_px is None:
                    width_px, height_px = stream.width_px, stream.height_px
                    if stream.rotation_deg in (90, 270):
                        width_px, height_px = height_px, width_px
            else:
                self.audio_codecs.add(codec)
        if width_px and height_px:
            self.picture_sizes.add(_picture_size(width_px, height_px))

    def merge(self, other: MediaSummary) -> MediaSummary:
        """Add another summary to this one, which is returned; the other is left as it was."""
        self.local += other.local
        for field in self.__struct_fields__:
            if field not in _PLAIN:
                getattr(self, field).merge(getattr(other, field))
        for name, costs in other.costs.items():
            self.costs.setdefault(name, ProbeCosts()).merge(costs)
        return self

    def to_bytes(self) -> bytes:
        """A compact encoding; equal summaries have equal bytes."""
        for field in self.__struct_fields__:
            if field not in _PLAIN:
                getattr(self, field).sort()
        self.costs = dict(sorted(self.costs.items()))
        for costs in self.costs.values():
            costs.latency_ms.sort()
        return _ENCODER.encode(self)

    @classmethod
    def from_bytes(cls, encoded: bytes) -> MediaSummary:
        """The summary that `to_bytes` wrote."""
        return _DECODER.decode(encoded)


def _picture_size(width_px: int, height_px: int) -> str:
    shorter_px = min(width_px, height_px)
    shape = "landscape" if width_px > height_px else "portrait" if width_px < height_px else "square"
    for class_px in SHORTER_SIDE_CLASSES_PX:
        if shorter_px <= class_px:
            return f"{class_px} {shape}"
    return f"larger {shape}"


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(MediaSummary)
