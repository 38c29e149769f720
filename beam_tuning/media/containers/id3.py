"""An ID3v2 tag before something else: MP3 as a rule; AAC, AC-3 and FLAC now and then.

Asks for nothing of the tag but its ten-byte header, which says how long it is, however large its pictures: when the
audio begins beyond the head, one read fetches the head of the audio, and the plan of its own family goes on from there.
Some writers give too small a size; then one more read looks for the first frames behind what is left of the tag.

Specification: ID3 tag version 2.4.0, section 3.1 (https://id3.org/id3v2.4.0-structure).
"""

from __future__ import annotations

from beam_tuning.media.containers import ac3, adts, flac, loas, mp3
from beam_tuning.media.containers.plan import HEAD_BYTES, Plan
from beam_tuning.media.containers.reading import Window, cut_at, shifted
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure

_HEADER_BYTES = 10
_HAS_FOOTER = 0x10
_MAX_TAGS = 6
#: Of the audio: a tenth of the head's usual length is enough to know the format and its frames.
_ENOUGH_BYTES = 8 * 1024
_OTHERS = (adts, loas, ac3)


def matches(head: bytes) -> bool:
    return _tag_bytes(head[:_HEADER_BYTES]) is not None


def plan(head: bytes, size_bytes: int) -> Plan:
    window = Window(head, size_bytes)
    audio_start = 0
    for _ in range(_MAX_TAGS):
        tag_bytes = _tag_bytes((yield from window.at(audio_start, _HEADER_BYTES)))
        if tag_bytes is None:
            break
        audio_start += tag_bytes
    if audio_start >= size_bytes:
        truncated = cut_at("the ID3v2 tag", audio_start, size_bytes)
        unknown = "the object ends before the audio that should follow its ID3v2 tag"
        return MediaInfo("mp3", MediaKind.AUDIO, duration_unknown=unknown, truncated=truncated)
    inner_head = window.held(audio_start)
    if audio_start + len(inner_head) < size_bytes and len(inner_head) < _ENOUGH_BYTES:
        inner_head = yield from window.at(audio_start, HEAD_BYTES)
    inner_bytes = size_bytes - audio_start
    for reader in _OTHERS:
        if reader.matches(inner_head):
            inner: Plan = reader.plan(inner_head, inner_bytes)
            return (yield from shifted(inner, audio_start))
    # What these say of a cut names places in the object.
    if flac.matches(inner_head):
        return (yield from shifted(flac.plan(inner_head, inner_bytes, offset=audio_start), audio_start))
    if mp3.matches(inner_head):
        return (yield from shifted(mp3.plan(inner_head, inner_bytes, offset=audio_start), audio_start))
    late = yield from shifted(mp3.plan_behind_others(inner_head, inner_bytes, offset=audio_start), audio_start)
    message = f"What follows the ID3v2 tag, from byte {audio_start} on, is no audio that is known."
    return late or ProbeFailure(FailureKind.UNREADABLE, message)


def _tag_bytes(header: bytes) -> int | None:
    """The whole tag's size; None when this is no tag's header."""
    if len(header) < _HEADER_BYTES or header[:3] != b"ID3" or header[3] == 0xFF or header[4] == 0xFF:
        return None
    size = header[6:10]
    # Sizes have seven bits a byte, so that no sync word comes about.
    if any(byte & 0x80 for byte in size):
        return None
    tag_bytes = _HEADER_BYTES + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
    return tag_bytes + (_HEADER_BYTES if header[5] & _HAS_FOOTER else 0)
