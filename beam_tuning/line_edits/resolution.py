"""Media resolutions: `LOW` becomes `MEDIA_RESOLUTION_LOW`."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.api_schema import MEDIA_RESOLUTIONS, PART_MEDIA_RESOLUTIONS
from beam_tuning.dataset.json_places import Node
from beam_tuning.dataset.replacing import Replacement
from beam_tuning.line_edits.edit import Change, quoted
from beam_tuning.line_edits.line import GENERATION_CONFIG, MEDIA_RESOLUTION, Line

_PREFIX = "MEDIA_RESOLUTION_"


def write_long_form(line: Line) -> Iterator[Change]:
    """The name of the enum's value, for its short form, in any letter case."""
    config = line.root.member(*GENERATION_CONFIG)
    given = None if config is None else config.member(*MEDIA_RESOLUTION)
    if given is not None:
        yield from _change("generationConfig.mediaResolution", given, MEDIA_RESOLUTIONS, "{}")
    for path, part in line.parts():
        given = part.member(*MEDIA_RESOLUTION)
        if given is None:
            continue
        if given.text is not None:
            yield from _change(f"{path}.mediaResolution", given, PART_MEDIA_RESOLUTIONS, '{{"level": {}}}', always=True)
        elif (level := given.member("level")) is not None:
            yield from _change(f"{path}.mediaResolution.level", level, PART_MEDIA_RESOLUTIONS, "{}")


def _change(path: str, node: Node, known: tuple[str, ...], form: str, *, always: bool = False) -> Iterator[Change]:
    if node.text is None:
        return
    short = node.text.strip().upper().replace("-", "_").replace(" ", "_").removeprefix(_PREFIX)
    name = f"{_PREFIX}{short}"
    if name in known and (always or name != node.text):
        after = form.format(quoted(name))
        yield Change(path, quoted(node.text), after, (Replacement(node.start, node.stop, after),))
