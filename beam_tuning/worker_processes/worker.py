"""A worker process of a run on this machine: python -m beam_tuning.worker_processes.worker, started by `pool.py`.

It does one piece of work after the other until its standard input closes, which it does when the launcher ends,
however it ends. A signal to the launcher is the launcher's matter: it ends its workers.
"""

from __future__ import annotations

import functools
import gc
import os
import pickle
import signal
import sys

from beam_tuning.worker_processes.messages import Answer, Work, pickled_answer, read_message, write_message

#: Tasks whose pieces take turns. A task may hold what was found of a whole shard of lines.
_TASKS = 2
#: As in the launcher: walking through live objects again and again costs more than what it frees.
_GARBAGE_THRESHOLD = 100_000


@functools.lru_cache(maxsize=_TASKS)
def _work_of(data: bytes) -> Work:
    work: Work = pickle.loads(data)  # noqa: S301 - from the launcher, over a pipe of ours
    return work


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    gc.set_threshold(_GARBAGE_THRESHOLD, *gc.get_threshold()[1:])
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    # What a library prints must not get between the answers.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while (work := read_message(source)) is not None and (piece := read_message(source)) is not None:
        try:
            answer = Answer(_work_of(work)(pickle.loads(piece)))  # noqa: S301
        except Exception as error:  # noqa: BLE001 - the launcher raises it
            answer = Answer(error=error)
        try:
            write_message(sink, pickled_answer(answer))
        except OSError:
            break  # the launcher has gone
    # Nothing is to be put in order, and threads of a prober may wait for slow hosts.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
