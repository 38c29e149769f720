"""What kind of media a MIME type names."""

from __future__ import annotations

from beam_tuning.media.info import MediaKind

_BY_TYPE = {"audio": MediaKind.AUDIO, "video": MediaKind.VIDEO, "image": MediaKind.IMAGE}
_DOCUMENTS = frozenset({"application/pdf", "text/plain"})


def kind_of(mime_type: str | None) -> MediaKind | None:
    """The kind that the top-level type names, in any letter case; PDF and plain text are documents; else None."""
    if mime_type is None:
        return None
    top_level = mime_type.partition("/")[0]
    kind = _BY_TYPE.get(top_level)
    if kind is None:
        kind = _BY_TYPE.get(top_level.lower())
    if kind is None and mime_type.partition(";")[0].strip().lower() in _DOCUMENTS:
        return MediaKind.DOCUMENT
    return kind
