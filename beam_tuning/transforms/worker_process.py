"""A worker process of a run on this machine: python -m beam_tuning.transforms.worker_process FOLDER, started by Beam.

The launcher ends its workers when it is stopped: Beam would wait for what they are doing. It finds them by FOLDER,
where each leaves its process number. Ctrl-C on a terminal reaches the workers too; then they end in silence.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from apache_beam.runners.worker import sdk_worker_main

from beam_tuning.media.stores.credentials import NOBODY_IS_TOLD, find_credentials
from beam_tuning.sign_in import NO_METADATA_SERVER
from beam_tuning.transforms.anonymous import use_no_credentials

#: In the folder: says to workers that come to it later that the run is over.
_OVER = "over"


def end_workers(folder: Path) -> None:
    """Ends the workers that have left their numbers in the folder, whatever they are doing, and those still to come."""
    (folder / _OVER).touch()
    for path in folder.iterdir():
        if path.name != _OVER:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.name), signal.SIGKILL)


def main(folder: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    (folder / str(os.getpid())).touch()
    if (folder / _OVER).exists():
        return
    if os.environ.get(NO_METADATA_SERVER) == "true":
        NOBODY_IS_TOLD.set()
        with contextlib.suppress(Exception):  # the launcher has told of credentials that cannot be used
            if find_credentials() is None:
                use_no_credentials()
    sdk_worker_main.main(sys.argv)


def _end(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
