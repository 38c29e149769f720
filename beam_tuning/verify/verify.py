"""`beam-tuning verify`: the objects of a finished run asked for again, and the kept examples that a change touches."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Any

import msgspec

from beam_tuning.finished_run.kept import kept_with
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.finished_run.probed import probe_results
from beam_tuning.finished_run.rewritten import rewriting_of
from beam_tuning.finished_run.uploaded import UploadedObject, read_upload
from beam_tuning.media.info import MediaInfo, ObjectInfo, ProbeFailure, ProbeResult
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import Prober
from beam_tuning.media.stores.opener import Stores
from beam_tuning.run_folder.names import VERIFY
from beam_tuning.uri_rewriting import UriRewriting
from beam_tuning.verify.asking import CHANGES, Answer, Asker, ObjectState, Question

#: Of `verify.json`; grows by one with every change that a reader of the last version could stumble over.
VERSION = 1
#: Examples that the document lists; how many more there are it says.
MOST_EXAMPLES = 100_000


class Change(msgspec.Struct, frozen=True):
    """An object that is not as the run found it.

    Attributes:
      uri: as the dataset spells it.
      asked_uri: that was asked for; another one where a local file was uploaded.
      message: what was seen, as a sentence.
      before, now: what the store said of the object; None when it said nothing.
      probed_before, probed_now: what the bytes are; `probed_now` with --reprobe only.
      examples: kept examples that name it.
    """

    uri: str
    asked_uri: str
    state: ObjectState
    message: str
    before: ObjectInfo | None
    now: ObjectInfo | None
    probed_before: MediaInfo | ProbeFailure | None
    probed_now: MediaInfo | ProbeFailure | None
    examples: int


class TouchedExample(msgspec.Struct, frozen=True):
    """A kept example that names objects which are not as the run found them."""

    split: str
    file: str
    line: int
    offset_bytes: int
    uris: tuple[str, ...]


class Verification(msgspec.Struct, frozen=True):
    """The document.

    Attributes:
      objects: how many are in each state.
      changes: sorted by URI.
      examples_touched: how many kept examples name a changed object.
      examples: these, in the order of the tuning files, `MOST_EXAMPLES` at the most.
    """

    version: int
    objects: dict[ObjectState, int]
    changes: tuple[Change, ...]
    examples_touched: int
    examples: tuple[TouchedExample, ...]

    @property
    def exit_code(self) -> int:
        """3 when anything changed."""
        return 3 if self.changes else 0

    def to_bytes(self) -> bytes:
        """JSON, indented."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def verify(
    run: FinishedRun,
    options: ProbeOptions,
    *,
    reprobe: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    stores: Stores | None = None,
) -> Verification:
    """Asks the stores, writes `verify.json` and gives the document.

    Args:
      options: how to read media.
      reprobe: whether objects that changed are probed again.
      progress: told how many objects have been asked for.
      stores: for tests.

    Raises:
      InputError: the run is damaged.
      OutputError: the folder cannot be written.
    """
    opened = stores or Stores(options)
    counts: collections.Counter[ObjectState] = collections.Counter()
    changed: list[Answer] = []
    try:
        for done, answer in enumerate(Asker(opened, options.threads).ask(_questions(run)), 1):
            counts[answer.state] += 1
            if answer.state in CHANGES:
                changed.append(answer)
            progress(done)
    finally:
        opened.close()
    probed = _reprobed(changed, options) if reprobe else {}
    examples: collections.Counter[str] = collections.Counter()
    rewriting = rewriting_of(run)
    touched = _touched(run, {_named(answer, rewriting) for answer in changed}, examples)
    listed = tuple(islice(touched, MOST_EXAMPLES))
    more = sum(1 for _ in touched)
    document = Verification(
        VERSION,
        {state: counts[state] for state in ObjectState},
        tuple(
            sorted(
                (_change(one, probed, examples[_named(one, rewriting)]) for one in changed),
                key=lambda change: change.uri,
            )
        ),
        len(listed) + more,
        listed,
    )
    run.writer().add(VERIFY, document.to_bytes())
    return document


def _questions(run: FinishedRun) -> Iterator[list[Question]]:
    upload = read_upload(run)
    targets = upload.targets() if upload is not None else {}
    rewriting = rewriting_of(run)
    for results in probe_results(run):
        yield [_question(result, targets.get(result.uri), rewriting.get(result.uri)) for result in results]


def _question(result: ProbeResult, uploaded: UploadedObject | None, rewritten: str | None) -> Question:
    if rewritten is not None:
        # Another object, with a generation of its own: its size and checksum are what can be held against the run's.
        info = result.object
        known = None if info is None else ObjectInfo(info.size_bytes, crc32c=info.crc32c)
        return Question(result.uri, rewritten, msgspec.structs.replace(result, object=known), info)
    if uploaded is None:
        return Question(result.uri, result.uri, result)
    info = ObjectInfo(uploaded.size_bytes, uploaded.generation, crc32c=uploaded.crc32c)
    return Question(result.uri, uploaded.uri, msgspec.structs.replace(result, object=info))


def _reprobed(changed: list[Answer], options: ProbeOptions) -> dict[str, ProbeResult]:
    asked = [one.question.at for one in changed if one.state in (ObjectState.CHANGED, ObjectState.APPEARED)]
    with Prober(options) as prober:
        futures: dict[str, Future[ProbeResult]] = {uri: prober.submit(uri) for uri in asked}
        return {uri: future.result() for uri, future in futures.items()}


def _touched(run: FinishedRun, uris: set[str], examples: collections.Counter[str]) -> Iterator[TouchedExample]:
    for example in kept_with(run, uris):
        examples.update(example.uris)
        yield TouchedExample(*example.source, example.uris)


def _named(answer: Answer, rewriting: UriRewriting) -> str:
    """The URI that kept examples name the object by."""
    return rewriting.get(answer.question.uri) or answer.question.uri


def _change(answer: Answer, probed: dict[str, ProbeResult], examples: int) -> Change:
    question: Any = answer.question
    again = probed.get(question.at)
    return Change(
        uri=question.uri,
        asked_uri=question.at,
        state=answer.state,
        message=answer.message,
        before=question.before.object,
        now=again.object if again is not None and again.object is not None else answer.now,
        probed_before=question.before.media,
        probed_now=again.media if again is not None else None,
        examples=examples,
    )
