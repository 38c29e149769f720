"""Hypothesis strategies: lines of a tuning dataset that are right, nearly right and wrong."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st
from tuning_lines import Json, example, file

ODD_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, 0, 1, -1, 2.5, 10**20, "", "a", "5s", "user", "gs://example-bucket/clip.mp4", [], {}, [None], [[]],
        [{}], {"text": "a"}, {"text": None}, [{"text": "a"}], {"level": "MEDIA_RESOLUTION_HIGH"},
        {"fileUri": "gs://example-bucket/odd.png", "mimeType": "image/png"}, {"parts": [{"text": "a"}]}, "\u0000é😀",
    ]
).map(copy.deepcopy)  # fmt: skip
ODD_KEYS = st.sampled_from(
    ["id", "weight", "messages", "completions", "file_data", "fileData", "text", "Text", "parts", "role", "mime_type",
     "videoMetadata", "video_metadata", "media_resolution", "mediaResolution", "labels", "a b", 'q"', "", "contents"]
)  # fmt: skip
TEXTS = st.sampled_from(["What happens here?", 'Say "hi" \\ \n', "日本語", "😀", "{}", '"text": "a"', "\\", "x" * 300])
RESOLUTION_NAMES = ["MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH", "MEDIA_RESOLUTION_UNSPECIFIED"]
RESOLUTIONS = st.sampled_from([*RESOLUTION_NAMES, 2])
URIS = st.sampled_from(
    [
        "gs://example-bucket/clip.mp4",
        "gs://example-bucket/ü 日.mp4",
        "https://media.example.com/clip.mp4?a=1",
        "http://u:p@media.example.com/x",
        "https://youtu.be/abc",
        "s3://bucket/x",
        "clips/one.mp4",
        "gs://B/x",
    ]
)
MIME_TYPES = st.sampled_from(["video/mp4", "audio/mp3", "image/png", "application/pdf", "odd/type", None])


@st.composite
def parts(draw: st.DrawFn) -> Json:
    if draw(st.booleans()):
        return {"text": draw(TEXTS)}
    part = file(draw(URIS), draw(MIME_TYPES))
    if draw(st.integers(0, 2)) == 0:
        offsets = st.sampled_from(["0s", "1.5s", "30s", "-1s"])
        part["videoMetadata"] = draw(
            st.fixed_dictionaries(
                {}, optional={"startOffset": offsets, "endOffset": offsets, "fps": st.sampled_from([1, 0.5, "2"])}
            )
        )
    if draw(st.integers(0, 3)) == 0:
        part["mediaResolution"] = {"level": draw(RESOLUTIONS)}
    return part


@st.composite
def good_lines(draw: st.DrawFn) -> Json:
    line = example(*draw(st.lists(parts(), min_size=1, max_size=4)), answer=draw(TEXTS))
    if draw(st.booleans()):
        line["generationConfig"] = {"mediaResolution": draw(RESOLUTIONS)}
    if draw(st.integers(0, 3)) == 0:
        line["systemInstruction"] = {"role": "system", "parts": [{"text": draw(TEXTS)}]}
    if draw(st.integers(0, 3)) == 0:
        line["contents"].append({"parts": [{"functionResponse": {"name": "f", "response": {"a": [1, {"b": None}]}}}]})
    return line


@st.composite
def odd_lines(draw: st.DrawFn) -> Json:
    """A good line with up to four changes."""
    line = draw(good_lines())
    for _ in range(draw(st.integers(0, 4))):
        holders = list(_holders(line))
        holder = holders[draw(st.integers(0, len(holders) - 1))]
        if isinstance(holder, list):
            if holder and draw(st.booleans()):
                holder[draw(st.integers(0, len(holder) - 1))] = draw(ODD_VALUES)
            else:
                holder.append(draw(ODD_VALUES))
            continue
        change = draw(st.sampled_from(["add", "replace", "rename", "remove"]))
        if change == "add" or not holder:
            holder[draw(ODD_KEYS)] = draw(ODD_VALUES)
            continue
        key = draw(st.sampled_from(list(holder)))
        if change == "replace":
            holder[key] = draw(ODD_VALUES)
        elif change == "rename":
            holder[_snake_case(key)] = holder.pop(key)
        else:
            del holder[key]
    return line


@st.composite
def usual_lines(draw: st.DrawFn) -> bytes:
    """Bytes of a line as almost all lines of datasets are."""
    line = draw(_without_oddities())
    data = json.dumps(
        line, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    )
    return data.encode() + draw(st.sampled_from([b"", b"\r", b" "]))


@st.composite
def _without_oddities(draw: st.DrawFn) -> Json:
    names = st.sampled_from(RESOLUTION_NAMES)
    texts = st.text(min_size=1, max_size=30) | TEXTS
    user: list[Json] = [{"text": draw(texts)} for _ in range(draw(st.integers(0, 2)))]
    for _ in range(draw(st.integers(0 if user else 1, 2))):
        part = file(draw(URIS), draw(MIME_TYPES))
        if part["fileData"].get("mimeType") == "video/mp4" and draw(st.booleans()):
            offsets = st.sampled_from(["0s", "1.5s", "30s", "-1s"])
            optional = {"startOffset": offsets, "endOffset": offsets, "fps": st.sampled_from([1, 0.5, 24.0])}
            part["videoMetadata"] = draw(st.fixed_dictionaries({}, optional=optional))
        if draw(st.integers(0, 3)) == 0:
            part["mediaResolution"] = {"level": draw(names)}
        user.insert(draw(st.integers(0, len(user))), part)
    line: Json = {"contents": [{"role": "user", "parts": user}, {"role": "model", "parts": [{"text": draw(texts)}]}]}
    if draw(st.booleans()):
        del line["contents"][0]["role"]
    if draw(st.booleans()):
        line["generationConfig"] = {"mediaResolution": draw(names)}
    if draw(st.booleans()):
        line["systemInstruction"] = {"parts": [{"text": draw(texts)}]}
    return _all_in_snake_case(line) if draw(st.booleans()) else line


def _all_in_snake_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {_snake_case(key): _all_in_snake_case(child) for key, child in value.items()}
    return [_all_in_snake_case(child) for child in value] if isinstance(value, list) else value


@st.composite
def written(draw: st.DrawFn, lines: st.SearchStrategy[Json], *, damaged: bool = True) -> bytes:
    """Bytes of a line: other spacing and escapes, now and then a key twice, a byte order mark, a byte changed.

    Args:
      damaged: whether some lines shall be no JSON.
    """
    line = draw(lines)
    ascii_only, colon = draw(st.booleans()), draw(st.sampled_from([": ", ":", " : ", "\t:"]))
    data = json.dumps(line, ensure_ascii=ascii_only, separators=(",", colon)).encode()
    if draw(st.integers(0, 7)) == 0:
        key = draw(st.sampled_from([b'"text"', b'"fileUri"', b'"contents"', b'"role"']))
        value = json.dumps(draw(ODD_VALUES)).encode()
        data = data.replace(b"{" + key, b"{" + key + b":" + value + b"," + key, 1)
    if draw(st.integers(0, 7)) == 0:
        around = [b"\xef\xbb\xbf" + data, data + b"\r", b" " + data]
        data = draw(st.sampled_from([*around, data + b"}"] if damaged else around))
    if damaged and draw(st.integers(0, 7)) == 0:
        at = draw(st.integers(0, len(data) - 1))
        data = data[:at] + draw(st.binary(max_size=2)) + data[at + 1 :]
    return data


def _holders(value: Any) -> Any:
    if isinstance(value, dict | list):
        yield value
        for child in value.values() if isinstance(value, dict) else value:
            yield from _holders(child)


def _snake_case(key: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)
