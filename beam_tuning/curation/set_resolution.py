"""Writing one media resolution into a line: `generationConfig.mediaResolution`, and no other byte.

The line is not encoded again: what stands there is found by its place in the text and replaced, or put in where it
lacks. White space, the order of keys, numbers and spellings of everything else stay as they came.
"""

from __future__ import annotations

from collections.abc import Sequence

from beam_tuning.dataset.api_schema import spellings
from beam_tuning.dataset.json_places import Path, Place, PlaceFinder

_NULL = b"null"
_CONFIGS: tuple[Path, ...] = tuple((config,) for config in spellings("generationConfig"))
_LEVELS = spellings("mediaResolution")
#: The field of each spelling of the object that is spelled alike.
_LEVEL_OF = dict(zip(_CONFIGS, (level.encode() for level in _LEVELS), strict=True))
_PLACES = PlaceFinder.of(*_CONFIGS, *((*config, level) for config in _CONFIGS for level in _LEVELS))


def with_media_resolution(line: bytes, value: str) -> bytes:
    """The line with this media resolution, whether it had another one, none, or what is none.

    Args:
      line: the JSON text of an example, as `parse_line` takes it. Of a field that is given twice, each is set.
      value: e.g. `MEDIA_RESOLUTION_LOW`.

    Returns:
      The line as it is where `generationConfig` is neither an object nor null: such an example is dropped anyway.
    """
    text = b'"' + value.encode() + b'"'
    may_have_config = b"eneration" in line or b"\\u" in line  # a key may be written with escapes
    places = list(_PLACES.find(line)) if may_have_config else []
    configs = [place for place in places if place.path in _LEVEL_OF]
    given = [config for config in configs if line[config.start : config.stop] != _NULL]
    for config in reversed(given):
        if line.startswith(b"{", config.start):
            levels = [place for place in places if config.start < place.start < config.stop]
            line = _set_in_config(line, config, levels, text)
    if given:
        return line
    if configs:  # null says the same as a lack
        config = configs[0]
        return line[: config.start] + b'{"' + _LEVEL_OF[config.path] + b'":' + text + b"}" + line[config.stop :]
    end = line.rindex(b"}")
    return line[:end] + b',"generationConfig":{"mediaResolution":' + text + b"}" + line[end:]


def _set_in_config(line: bytes, config: Place, levels: Sequence[Place], text: bytes) -> bytes:
    given = [level for level in levels if line[level.start : level.stop] != _NULL]
    for level in reversed(given or levels[:1]):
        line = line[: level.start] + text + line[level.stop :]
    if levels:
        return line
    inside = config.start + 1
    is_empty = not line[inside : config.stop - 1].strip()
    comma = b"" if is_empty else b","
    return line[:inside] + b'"' + _LEVEL_OF[config.path] + b'":' + text + comma + line[inside:]
