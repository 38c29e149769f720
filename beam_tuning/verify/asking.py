"""What a store says of an object now, beside what it said when the run probed it.

Metadata only, but for a local file that the kept lines name elsewhere (--rewrite_uri): it is read for its checksum.
"""

from __future__ import annotations

import collections
import enum
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeGuard
from urllib.parse import urlsplit

import msgspec

from beam_tuning.finished_run.kept import local_path
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeFailure, ProbeResult
from beam_tuning.media.media_table import is_unchanged
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError
from beam_tuning.run_folder.files import crc32c_of

#: A host that fails so often in a row is not asked again: each of its objects would cost the time of all attempts.
_FAILURES_IN_A_ROW = 16


class ObjectState(enum.StrEnum):
    """What became of an object since the run."""

    UNCHANGED = "unchanged"
    #: Another generation, or another size or entity tag.
    CHANGED = "changed"
    VANISHED = "vanished"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    #: The run could not read it; now the store knows it.
    APPEARED = "appeared"
    #: The store gives nothing that tells one content from another.
    INCOMPARABLE = "incomparable"
    #: It is not asked for: this run's options do not allow it, or no store has such a URI.
    NOT_ASKED = "not-asked"


#: States that say that the run's verdicts may no longer hold.
CHANGES = (
    ObjectState.CHANGED,
    ObjectState.VANISHED,
    ObjectState.FORBIDDEN,
    ObjectState.UNREACHABLE,
    ObjectState.APPEARED,
)
_STATE_OF_FAILURE = {
    FailureKind.NOT_FOUND: ObjectState.VANISHED,
    FailureKind.FORBIDDEN: ObjectState.FORBIDDEN,
    FailureKind.EMPTY: ObjectState.CHANGED,
    FailureKind.UNREADABLE: ObjectState.CHANGED,
    FailureKind.UNSUPPORTED_URI: ObjectState.NOT_ASKED,
    FailureKind.ADDRESS_BLOCKED: ObjectState.NOT_ASKED,
}
#: Failures that speak of the host.
_OF_HOST = frozenset({FailureKind.TIMED_OUT, FailureKind.SERVER_ERROR, FailureKind.SERVER_BUSY})


class Question(NamedTuple):
    """An object to ask for.

    Attributes:
      uri: as the dataset spells it.
      at: the URI that is asked for; another one where a local file was uploaded.
      before: what the run found, `object` being what is expected at `at`.
      original: what the run found at `uri`, where `at` is another place of which the run knows nothing.
    """

    uri: str
    at: str
    before: ProbeResult
    original: ObjectInfo | None = None


class Answer(NamedTuple):
    """What became of it; `now` is None when the store did not answer."""

    question: Question
    state: ObjectState
    message: str = ""
    now: ObjectInfo | None = None


class Asker:
    """Asks stores, `threads` objects at once."""

    def __init__(self, stores: Stores, threads: int) -> None:
        self._stores = stores
        self._threads = threads
        self._lock = threading.Lock()
        self._failures: collections.Counter[str] = collections.Counter()

    def ask(self, batches: Iterable[list[Question]]) -> Iterator[Answer]:
        """An answer to each question, in their order. Never raises for an object."""
        with ThreadPoolExecutor(self._threads, "ask") as pool:
            try:
                for questions in batches:
                    yield from pool.map(self._ask, questions)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, question: Question) -> Answer:
        host = _host_of(question.at)
        with self._lock:
            rests = self._failures[host] >= _FAILURES_IN_A_ROW
        if rests:
            message = f"{host} did not answer {_FAILURES_IN_A_ROW} times in a row and is not asked again."
            return Answer(question, ObjectState.UNREACHABLE, message)
        now = self._stat(question.at)
        failed = isinstance(now, ProbeFailure) and now.transient and now.kind in _OF_HOST
        with self._lock:
            self._failures[host] = self._failures[host] + 1 if failed else 0
        if isinstance(now, ObjectInfo):
            question = self._with_checksum(question, now)
        return _compare(question, now)

    def _with_checksum(self, question: Question, now: ObjectInfo) -> Question:
        """The checksum of the local file that the run looked at, if it is still there and nothing else tells."""
        before = question.before.object
        if question.original is None or now.crc32c is None or before is None or before.size_bytes != now.size_bytes:
            return question
        path = local_path(question.uri)
        if before.crc32c is not None or path is None:
            return question
        there = self._stat(question.uri)
        if isinstance(there, ProbeFailure) or not is_unchanged(question.original, there):
            return question
        try:
            with open(path, "rb") as stream:
                known = msgspec.structs.replace(before, crc32c=crc32c_of(stream))
        except OSError:
            return question
        return question._replace(before=msgspec.structs.replace(question.before, object=known))

    def _stat(self, uri: str) -> ObjectInfo | ProbeFailure:
        try:
            reader = self._stores.reader(uri)
        except StoreError as error:
            return error.failure
        try:
            return reader.stat()
        except StoreError as error:
            return error.failure
        finally:
            reader.close()


def _compare(question: Question, now: ObjectInfo | ProbeFailure) -> Answer:
    media, before = question.before.media, question.before.object
    if isinstance(now, ProbeFailure):
        if isinstance(media, ProbeFailure) and media.kind is now.kind:
            return Answer(question, ObjectState.UNCHANGED, now.message)
        state = _STATE_OF_FAILURE.get(now.kind, ObjectState.UNREACHABLE)
        return Answer(question, state, now.message)
    if is_unchanged(before, now):
        return Answer(question, ObjectState.UNCHANGED, now=now)
    if isinstance(media, ProbeFailure) and before is None:
        return Answer(question, ObjectState.APPEARED, f"The run found: {media.message}", now)
    if _has_identity(before) and _has_identity(now):
        return Answer(question, ObjectState.CHANGED, _difference(before, now), now)
    if _has_checksum(before) and _has_checksum(now):
        same = before.crc32c == now.crc32c and before.size_bytes == now.size_bytes
        return Answer(question, ObjectState.UNCHANGED if same else ObjectState.CHANGED, _difference(before, now), now)
    if before is not None and None not in (before.size_bytes, now.size_bytes) and before.size_bytes != now.size_bytes:
        return Answer(question, ObjectState.CHANGED, _difference(before, now), now)
    message = "The store gives neither a generation nor an entity tag to compare by."
    if question.original is not None:
        message = "Only its size could be compared: the file that the run looked at is no longer there as it was."
    return Answer(question, ObjectState.INCOMPARABLE, message, now)


def _has_checksum(info: ObjectInfo | None) -> TypeGuard[ObjectInfo]:
    return info is not None and info.crc32c is not None


def _has_identity(info: ObjectInfo | None) -> bool:
    return info is not None and bool(info.generation or info.etag)


def _difference(before: ObjectInfo | None, now: ObjectInfo) -> str:
    differences = [
        f"{words} {_shown(old)} before, {_shown(new)} now"
        for words, field in (
            ("size", "size_bytes"),
            ("generation", "generation"),
            ("entity tag", "etag"),
            ("checksum", "crc32c"),
        )
        if (old := getattr(before, field)) != (new := getattr(now, field)) and None not in (old, new)
    ]
    return f"{'; '.join(differences) or 'Another identity'}."


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _host_of(uri: str) -> str:
    if uri.startswith("gs://"):
        return "Cloud Storage"
    try:
        return urlsplit(uri).netloc or "this machine"
    except ValueError:
        return "this machine"
