"""The times of a text, whatever its form: JSON, subtitles, a list of events, running text."""

from __future__ import annotations

from collections.abc import Collection

from beam_tuning.times.cues import read_cues
from beam_tuning.times.json_fields import read_json
from beam_tuning.times.reading import Reading, TimeLine
from beam_tuning.times.running_text import read_running_text

#: Longer texts are not looked at; a text of so many characters is far above the tokens that an example may have.
MAX_CHARS = 2_000_000


def read_times(text: str, time_line: TimeLine, *, fields: Collection[str] = (), expects_times: bool = False) -> Reading:
    """The times of a text.

    Args:
      time_line: the media that the text speaks of.
      fields: paths of the JSON fields that hold times; without them they are told by their names.
      expects_times: whether the prompt says that the text holds some (see `signs.asks_for_times`).
    """
    reading = read_json(text, time_line, fields, expects_times=expects_times)
    if reading is None:
        reading = read_cues(text, time_line)
    if reading is None:
        reading = read_running_text(text, time_line, expects_times=expects_times)
    return reading
