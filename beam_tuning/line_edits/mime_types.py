"""MIME types: the listed spelling of the one that stands there, or the one of what the file really is."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.json_places import Node, spelled
from beam_tuning.dataset.mime import kind_of
from beam_tuning.dataset.replacing import Replacement
from beam_tuning.line_edits.edit import Change, quoted
from beam_tuning.line_edits.line import FILE_DATA, FILE_URI, MIME_TYPE, Line
from beam_tuning.media.info import MediaInfo
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.rules.media_facts import CONTAINERS_OF_TYPE
from beam_tuning.policy.rules.media_parts import listed_type

#: Listed spellings of types that the pages list for inference only.
_LISTED_FOR_TUNING = {
    "video/mov": "video/quicktime",
    "video/flv": "video/x-flv",
    "video/mpegps": "video/mpeg",
}
#: Of several types that fit a container, the one to write.
_PREFERRED = (
    *("audio/wav", "audio/ogg", "audio/flac", "audio/mp3", "audio/x-aac", "audio/mp4", "audio/webm"),
    *("video/mp4", "video/quicktime", "video/webm", "video/mpeg", "video/x-flv", "video/wmv", "video/3gpp"),
    *("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "application/pdf"),
)


def found_type(info: MediaInfo, limits: ModelLimits) -> str | None:
    """The listed MIME type of a file; None when its container is not accepted, or fits none for certain."""
    if info.container == "ogg" and any(stream.codec == "flac" for stream in info.streams):
        return None
    for mime_type in _PREFERRED:
        fits = info.container in CONTAINERS_OF_TYPE.get(mime_type, ())
        if fits and kind_of(mime_type) is info.kind and listed_type(mime_type, limits) == mime_type:
            return mime_type
    return None


def spell_as_listed(line: Line) -> Iterator[Change]:
    """`audio/x-wav` becomes `audio/wav`, unless the file is found to be something else."""
    for path, data, info in _files(line):
        given = data.member(*MIME_TYPE)
        if given is None or not given.text:
            continue
        plain = given.text.partition(";")[0].strip().lower()
        listed = listed_type(_LISTED_FOR_TUNING.get(plain, plain), line.limits)
        if listed is None or listed == given.text or not _fits(listed, info):
            continue
        yield Change(f"{path}.mimeType", quoted(given.text), quoted(listed), (_in_place(given, listed),))


def write_found(line: Line) -> Iterator[Change]:
    """The type of what the probe found, where the kind is the one that stands there, or none stands there."""
    for path, data, info in _files(line):
        given = data.member(*MIME_TYPE)
        if info is None or (given is not None and given.text is None and not given.is_null):
            continue
        text = "" if given is None else given.text or ""
        found = found_type(info, line.limits)
        # Text that is neither listed nor another spelling may name a kind that nobody foresaw.
        if found is None or found == text or kind_of(text) not in (info.kind, None) or (text and not kind_of(text)):
            continue
        if listed_type(text, line.limits) == text and _fits(text, info):
            continue
        if given is not None:
            change = Replacement(given.start, given.stop, quoted(found))
        else:
            uri = next(key for key, _ in data.members or () if key.value in FILE_URI)
            name = MIME_TYPE[FILE_URI.index(str(uri.value))]
            change = Replacement(uri.start, uri.start, f"{quoted(name)}: {quoted(found)}, ")
        yield Change(f"{path}.mimeType", quoted(text) if text else "", quoted(found), (change,))


def _files(line: Line) -> Iterator[tuple[str, Node, MediaInfo | None]]:
    for path, part in line.parts():
        data, facts = part.member(*FILE_DATA), line.facts(path)
        if data is not None and facts is not None and data.member(*FILE_URI) is not None:
            yield f"{path}.fileData", data, facts.info


def _fits(mime_type: str, info: MediaInfo | None) -> bool:
    """Whether a file may have this type; of an unknown file nothing speaks against it."""
    if info is None:
        return True
    return kind_of(mime_type) is info.kind and info.container in CONTAINERS_OF_TYPE.get(mime_type, ())


def _in_place(node: Node, text: str) -> Replacement:
    return Replacement(node.start + 1, node.stop - 1, spelled(text))
