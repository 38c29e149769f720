"""What a step gives when its bundle ends: Beam wants a window and a time of day with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from apache_beam import pvalue
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue


def at_the_end(outputs: Iterable[Any]) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
    """Outputs as `process` gives them, as `finish_bundle` has to give them; of the one window that a batch has."""
    window = GlobalWindow()

    def windowed(value: Any) -> WindowedValue:
        return WindowedValue(value, window.max_timestamp(), (window,))

    for output in outputs:
        if isinstance(output, pvalue.TaggedOutput):
            yield pvalue.TaggedOutput(output.tag, windowed(output.value))
        else:
            yield windowed(output)
