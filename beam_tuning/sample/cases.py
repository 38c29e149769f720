"""The lines of the sample dataset: good examples, and one for each fault, with the reasons it must be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

Json = dict[str, Any]

_LOW = "MEDIA_RESOLUTION_LOW"
_MIME_TYPES = {
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/m4a",
}
_GOOD_MEDIA = (
    "harbour.mp4",
    "interview.mp3",
    "train-window.webm",
    "birdsong.wav",
    "market.mp4",
    "lecture.ogg",
    "garden.mov",
    "violin.flac",
)
#: Of validation, which shares none of its media with training.
_GOOD_VALIDATION_MEDIA = ("silent-street.mp4", "voicemail.m4a")


class Case(NamedTuple):
    """One line. `codes` are the names of all its reasons, sorted; none for a line without any finding."""

    line: bytes
    codes: tuple[str, ...] = ()


class Lines:
    """Writes lines whose media lie under `media_base`."""

    def __init__(self, media_base: str) -> None:
        self._media_base = media_base.rstrip("/")

    def good(self, count: int, first: int = 0) -> list[Case]:
        """Examples without a fault, numbered from `first`; every medium stands in several, as in real datasets."""
        return self._good(_GOOD_MEDIA, count, first)

    def good_validation(self, count: int, first: int) -> list[Case]:
        """The same for validation."""
        return self._good(_GOOD_VALIDATION_MEDIA, count, first)

    def _good(self, media: tuple[str, ...], count: int, first: int) -> list[Case]:
        return [
            Case(_line(self._example(media[number % len(media)], number=number)))
            for number in range(first, first + count)
        ]

    def repeated(self) -> list[Case]:
        """The first good example once more, and an input with two answers."""
        one, other = self._example("garden.mov", number=1000), self._example("garden.mov", number=1000)
        other["contents"][1] = _model(1001)
        return [
            Case(_line(self._example(_GOOD_MEDIA[0], number=0)), ("EXAMPLE_DUPLICATE",)),
            Case(_line(one), ("EXAMPLE_CONFLICT",)),
            Case(_line(other), ("EXAMPLE_CONFLICT",)),
        ]

    def leaked(self) -> list[Case]:
        """A piece of a file of which training uses a piece too."""
        segment = {"startOffset": "70s", "endOffset": "80s"}
        return [Case(_line(self._example("twenty-one-minutes.mp4", segment=segment)), ("MEDIA_IN_BOTH_SPLITS",))]

    def segmented(self) -> list[Case]:
        """A file too long as a whole, of which the example names a short piece."""
        return [
            Case(
                _line(self._example("twenty-one-minutes.mp4", segment={"startOffset": "60s", "endOffset": "90.5s"})),
                ("MEDIA_IN_BOTH_SPLITS",),
            )
        ]

    def broken_lines(self) -> list[Case]:
        good = _line(self._example("harbour.mp4"))
        return [
            Case(good[: len(good) // 2], ("LINE_NOT_JSON",)),
            Case(b'["an", "array"]', ("LINE_NOT_OBJECT",)),
            Case(good.replace(b"Describe", b"D\xe9crivez"), ("LINE_NOT_UTF8",)),
            Case(
                _line({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}),
                ("LINE_IS_OTHER_FORMAT",),
            ),
            Case(_line({"input_text": "Hi", "output_text": "Hello"}), ("LINE_IS_OTHER_FORMAT",)),
            Case(_line({"prompt": "Hi", "completion": "Hello"}), ("LINE_IS_OTHER_FORMAT",)),
            Case(_line({"request": self._example("harbour.mp4")}), ("LINE_IS_OTHER_FORMAT",)),
        ]

    def faulty_structure(self) -> list[Case]:
        user, model = _user("Hello."), _model()
        clip = self._part("harbour.mp4")
        faults: list[tuple[Json, str]] = [
            ({"generationConfig": {"mediaResolution": _LOW}}, "CONTENTS_MISSING"),
            ({"contents": []}, "CONTENTS_EMPTY"),
            ({"contents": [user, {"role": "model"}]}, "PARTS_MISSING"),
            ({"contents": [_user("Hello.", {}), model]}, "PART_EMPTY"),
            ({"contents": [_user("Hello.", {"text": "And:", **clip}), model]}, "PART_HAS_SEVERAL_PAYLOADS"),
            ({"contents": [{"role": "user", "parts": {"text": "Hello."}}, model]}, "FIELD_WRONG_TYPE"),
            (
                {"contents": [user, model], "systemInstruction": _system(), "system_instruction": _system()},
                "FIELD_SPELLED_TWICE",
            ),
            ({"contents": [user, {**model, "role": "assistant"}, user, model]}, "ROLE_UNKNOWN"),
            ({"contents": [user, user, model]}, "ROLES_NOT_ALTERNATING"),
            ({"contents": [model, user, model]}, "FIRST_TURN_NOT_USER"),
            ({"contents": [user, model, user]}, "LAST_TURN_NOT_MODEL"),
            ({"contents": [user, model], "systemInstruction": {"parts": [clip]}}, "SYSTEM_INSTRUCTION_NOT_TEXT"),
            ({"contents": [_user("Show."), {"role": "model", "parts": [clip]}]}, "MODEL_TURN_HAS_MEDIA"),
            ({"contents": [user, model], "labels": {"a": "b"}}, "FIELD_NOT_DOCUMENTED"),
            ({"contents": [_user("Good day."), model], "wieght": 2}, "FIELD_UNKNOWN"),
        ]
        return [Case(_line(_with_resolution(example)), (code,)) for example, code in faults]

    def faulty_parts(self) -> list[Case]:
        clip = self._part("harbour.mp4")
        no_uri, no_type = {"mimeType": "video/mp4"}, {"fileUri": clip["fileData"]["fileUri"]}
        faults: list[tuple[Json, str]] = [
            ({"fileData": no_uri}, "FILE_URI_MISSING"),
            ({"fileData": {"mimeType": "video/mp4", "fileUri": "ftp://example.com/clip.mp4"}}, "FILE_URI_UNSUPPORTED"),
            ({"fileData": no_type}, "MIME_TYPE_MISSING"),
            ({"fileData": {**no_type, "mimeType": "application/x-shockwave-flash"}}, "MIME_TYPE_UNSUPPORTED"),
            ({"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}, "INLINE_DATA_UNSUPPORTED"),
            ({**clip, "videoMetadata": {"startOffset": "00:01", "endOffset": "3s"}}, "SEGMENT_INVALID"),
            ({**clip, "videoMetadata": {"startOffset": "3s", "endOffset": "1s"}}, "SEGMENT_REVERSED"),
            ({**clip, "videoMetadata": {"startOffset": "1s", "endOffset": "40s"}}, "SEGMENT_BEYOND_END"),
            ({**clip, "videoMetadata": {"fps": 60}}, "FPS_INVALID"),
            ({**clip, "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}, "PART_MEDIA_RESOLUTION_UNSUPPORTED"),
        ]
        cases = [Case(_line(self._with_part(part)), (code,)) for part, code in faults]
        misspelt = _with_resolution(self._example("harbour.mp4"), "LOW")
        cases.append(Case(_line(misspelt), ("MEDIA_RESOLUTION_INVALID",)))
        return cases

    def faulty_media(self) -> list[Case]:
        def of(name: str, *codes: str, mime_type: str | None = None) -> Case:
            return Case(_line(self._example(name, mime_type=mime_type)), codes)

        two_videos = [_user("Compare.", self._part("harbour.mp4"), self._part("market.mp4")), _model()]
        two_sounds = [_user("Compare.", self._part("interview.mp3"), self._part("lecture.ogg")), _model()]
        no_resolution = self._example("six-minutes.mp4")
        del no_resolution["generationConfig"]
        return [
            of("never-uploaded.mp4", "MEDIA_NOT_FOUND"),
            of("nothing.mp3", "MEDIA_EMPTY"),
            of("cut-short.mp4", "MEDIA_DURATION_UNKNOWN", "MEDIA_TRUNCATED"),
            of("not-found-page.mp4", "MEDIA_UNREADABLE"),
            of("radio.mp4", "MEDIA_KIND_MISMATCH"),
            of("train-window.webm", "MIME_TYPE_MISMATCH", mime_type="video/mp4"),
            of("sixty-one-minutes.flac", "AUDIO_TOO_LONG"),
            of("twenty-one-minutes.mp4", "MEDIA_IN_BOTH_SPLITS", "VIDEO_TOO_LONG"),
            of("six-minutes.mp4"),
            Case(_line(no_resolution), ("VIDEO_TOO_LONG",)),
            Case(_line(_with_resolution({"contents": two_videos})), ("VIDEO_TOO_MANY",)),
            Case(_line(_with_resolution({"contents": two_sounds})), ("AUDIO_TOO_MANY",)),
            Case(_line(self._with_part(_file("http://127.0.0.1/clip.mp4", "video/mp4"))), ("MEDIA_ADDRESS_BLOCKED",)),
        ]

    def other_resolution(self) -> list[Case]:
        """Kept, but the dataset as a whole is not ready: its lines ask for different media resolutions."""
        return [Case(_line(_with_resolution(self._example("silent-street.mp4"), "MEDIA_RESOLUTION_MEDIUM")))]

    def too_many_tokens(self) -> list[Case]:
        example = self._example("interview.mp3")
        example["contents"][0]["parts"].append({"text": " ".join(map(str, range(250_000)))})
        return [Case(_line(example), ("EXAMPLE_TOO_MANY_TOKENS",))]

    def _example(
        self, name: str, *, number: int = 0, mime_type: str | None = None, segment: Json | None = None
    ) -> Json:
        part = self._part(name, mime_type)
        if segment:
            part["videoMetadata"] = segment
        return self._with_part(part, number)

    def _with_part(self, part: Json, number: int = 0) -> Json:
        prompt = f"Describe recording {number + 1} in one sentence."
        return _with_resolution({"systemInstruction": _system(), "contents": [_user(prompt, part), _model(number)]})

    def _part(self, name: str, mime_type: str | None = None) -> Json:
        return _file(f"{self._media_base}/{name}", mime_type or _MIME_TYPES[name.rsplit(".", 1)[1]])


#: Splits and files of the dataset, and the groups of lines in each, in order.
FILES: dict[str, dict[str, tuple[Callable[[Lines], list[Case]], ...]]] = {
    "train": {
        "part-00000-of-00003.jsonl": (lambda lines: lines.good(37), Lines.repeated, Lines.faulty_media),
        "part-00001-of-00003.jsonl": (Lines.broken_lines, lambda lines: lines.good(20, 40), Lines.faulty_structure),
        "part-00002-of-00003.jsonl.gz": (Lines.faulty_parts, Lines.too_many_tokens, Lines.segmented),
    },
    "validation": {
        "part-00000-of-00002.jsonl": (lambda lines: lines.good_validation(14, 60), Lines.leaked),
        "part-00001-of-00002.jsonl": (
            lambda lines: lines.good_validation(5, 74),
            Lines.other_resolution,
            Lines.broken_lines,
        ),
    },
}


def _line(example: Json) -> bytes:
    return msgspec.json.encode(example)


def _file(uri: str, mime_type: str) -> Json:
    return {"fileData": {"mimeType": mime_type, "fileUri": uri}}


def _with_resolution(example: Json, media_resolution: str = _LOW) -> Json:
    return {**example, "generationConfig": {"mediaResolution": media_resolution}}


def _system() -> Json:
    return {"parts": [{"text": "You describe recordings."}]}


def _user(text: str, *parts: Json) -> Json:
    return {"role": "user", "parts": [*parts, {"text": text}]}


def _model(number: int = 0) -> Json:
    return {"role": "model", "parts": [{"text": f"A short recording, number {number + 1}."}]}
