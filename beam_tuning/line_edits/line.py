"""A line of a dataset as edits see it: its text, its places, and what judging made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

from beam_tuning.dataset.api_schema import spellings
from beam_tuning.dataset.json_places import Node, NotJson, places
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.summary.judged_example import JudgedExample, PartFacts

SYSTEM_INSTRUCTION = spellings("systemInstruction")
GENERATION_CONFIG = spellings("generationConfig")
MEDIA_RESOLUTION = spellings("mediaResolution")
FILE_DATA = spellings("fileData")
MIME_TYPE = spellings("mimeType")
FILE_URI = spellings("fileUri")
VIDEO_METADATA = spellings("videoMetadata")
START_OFFSET = spellings("startOffset")
END_OFFSET = spellings("endOffset")


class Placed(NamedTuple):
    """A value and its path, e.g. `contents[0].parts[1]`."""

    path: str
    node: Node


class Line(NamedTuple):
    """A line that is a JSON object.

    Attributes:
      text: without a byte order mark.
      judged: what the rules made of this very text.
      limits: of the model.
    """

    text: str
    root: Node
    judged: JudgedExample
    limits: ModelLimits

    @classmethod
    def of(cls, line: bytes, judged: JudgedExample, limits: ModelLimits) -> Self | None:
        """None when the line is no JSON object, or gives a key twice: then it does not say which value counts."""
        try:
            text = without_byte_order_mark(line).decode()
            root = places(text)
        except (UnicodeDecodeError, NotJson):
            return None
        return None if root.members is None or _repeats_key(root) else cls(text, root, judged, limits)

    def raw(self, node: Node) -> str:
        """A value as it is spelled."""
        return self.text[node.start : node.stop]

    def contents(self) -> Iterator[Placed]:
        """The turns."""
        contents = self.root.member("contents")
        for index, node in enumerate(() if contents is None else contents.items or ()):
            yield Placed(f"contents[{index}]", node)

    def parts(self) -> Iterator[Placed]:
        """The parts of all turns."""
        for path, content in self.contents():
            yield from parts_of(Placed(path, content))

    def facts(self, path: str) -> PartFacts | None:
        """What judging knows of a media part."""
        return next((one for one in self.judged.media if one.given.path == path), None)


def parts_of(content: Placed) -> Iterator[Placed]:
    """The parts of one turn."""
    parts = content.node.member("parts")
    for index, node in enumerate(() if parts is None else parts.items or ()):
        yield Placed(f"{content.path}.parts[{index}]", node)


def _repeats_key(node: Node) -> bool:
    if node.members is not None:
        keys = [key.value for key, _ in node.members]
        return len(set(keys)) < len(keys) or any(_repeats_key(value) for _, value in node.members)
    return any(map(_repeats_key, node.items or ()))
