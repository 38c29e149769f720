"""A child process that makes one file, or finds where one is taken apart: reads a `Task` from standard input, writes an
`Answer` to standard output. It limits its own memory, time and output, for what it decodes may be anybody's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import sys
from typing import Any

import msgspec

from beam_tuning.media.edit.wanted import Answer, EditLimits, Kind, Made, NotMade, Task, Wanted, WantedPieces


def answer(task: Task) -> Answer:
    """Does the task; raises nothing but what ends the process."""
    import av

    from beam_tuning.media.edit.pieces import find_pieces
    from beam_tuning.media.edit.source import CannotEdit

    # Any other level takes the interpreter's lock from FFmpeg's threads, which a thread that holds it may wait for.
    av.logging.set_level(None)
    try:
        if isinstance(task.wanted, WantedPieces):
            return find_pieces(task.source, task.wanted)
        return _made(task.source, task.target, task.wanted)
    except CannotEdit as error:
        return NotMade(str(error))
    except av.FFmpegError as error:
        if error.errno == errno.EFBIG:
            return NotMade(f"becomes larger than {task.limits.output_bytes:,} bytes")
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            return NotMade(f"could not be written: {error.strerror}", is_transient=True)
        return NotMade(f"cannot be decoded: {type(error).__name__}, {error.strerror or error}")
    except MemoryError:
        return NotMade("takes more memory than an edit may have")
    except OSError as error:
        return NotMade(f"could not be written: {error.strerror or error}", is_transient=True)
    except (ValueError, TypeError, ArithmeticError, OverflowError, RuntimeError) as error:
        return NotMade(f"cannot be edited: {type(error).__name__}")


def _made(source: str, target: str, wanted: Wanted) -> Made:
    """Without encoding where that gives what is wanted."""
    from beam_tuning.media.edit import copying, encoding, sound

    is_sound = wanted.kind is Kind.SOUND
    copied = copying.copy_sound(source, target, wanted) if is_sound else copying.copy_pictures(source, target, wanted)
    if copied is not None:
        size_bytes = os.path.getsize(target)
        if wanted.max_bytes is None or size_bytes <= wanted.max_bytes:
            return msgspec.structs.replace(copied, size_bytes=size_bytes)
    if is_sound:
        return sound.encode_sound(source, target, wanted)
    return encoding.encode_pictures(source, target, wanted)


def _limit(limits: EditLimits) -> None:
    values: dict[int, Any] = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_FSIZE: limits.output_bytes,
    }
    for kind, value in values.items():
        with contextlib.suppress(ValueError, OSError):
            _, hard = resource.getrlimit(kind)
            resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def main() -> None:
    sink = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)  # what native code prints must not get into the answer
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    _limit(task.limits)
    os.write(sink, msgspec.msgpack.encode(answer(task)))


if __name__ == "__main__":
    main()
