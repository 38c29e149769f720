"""Carries out what a plan asks of native libraries: each library runs in child processes of its own (`isolate.py`)."""

from __future__ import annotations

import atexit
import sys
import threading

import msgspec

from beam_tuning.media.containers.plan import NativeAnswer, NativeRequest
from beam_tuning.media.isolate import ChildError, ChildPool
from beam_tuning.media.native_messages import MediaInfoReading, MediaInfoRequest, PageCountReading, PageCountRequest

#: For each request: the module that a child runs, and the type of its answer.
_LIBRARIES: dict[type[NativeRequest], tuple[str, type[MediaInfoReading | PageCountReading]]] = {
    MediaInfoRequest: ("beam_tuning.media.mediainfo", MediaInfoReading),
    PageCountRequest: ("beam_tuning.media.page_count", PageCountReading),
}
_pools: dict[str, ChildPool] = {}
_pools_lock = threading.Lock()


def read_natively(request: NativeRequest) -> NativeAnswer:
    """What the library answers; a ProbeFailure when its child crashed, hung or could not be started. Raises nothing."""
    module, answer = _LIBRARIES[type(request)]
    try:
        return msgspec.msgpack.decode(children(module).ask(msgspec.msgpack.encode(request)), type=answer)
    except ChildError as error:
        return error.failure


def children(module: str) -> ChildPool:
    """The children of this process that run `module`; started when first asked, killed at exit."""
    with _pools_lock:
        if module not in _pools:
            _pools[module] = ChildPool((sys.executable, "-P", "-m", module))
            atexit.register(_pools[module].close)
        return _pools[module]
