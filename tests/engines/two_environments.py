"""`beam-tuning` with the probes in an environment of their own: Prism starts one process for each environment."""

from __future__ import annotations

import sys
from typing import Any

from beam_tuning.cli import main
from beam_tuning.pipelines import validate

_probe_media = validate.ProbeMedia


def _elsewhere(*arguments: Any, **named: Any) -> Any:
    return _probe_media(*arguments, **named).with_resource_hints(min_ram="1MB")


if __name__ == "__main__":
    validate.ProbeMedia = _elsewhere  # type: ignore[assignment,misc]
    sys.exit(main())
