"""`beam-tuning upload`: local media to Cloud Storage, and tuning files that name them there.

Objects first, then the tuning files, then the manifest, then `upload.json`. Every step can be done again: what was cut
at any point is mended by the same command, and nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.finished_run.uploaded import VERSION, RewrittenFile, Upload, UploadedObject
from beam_tuning.run_folder.files import Folder
from beam_tuning.run_folder.names import UPLOAD, tuning_file
from beam_tuning.upload.local_files import (
    THREADS,
    LocalMedia,
    check_unchanged,
    chunks_of,
    local_uris,
    object_name,
    read_all,
)
from beam_tuning.upload.rewriting import Rewriting
from beam_tuning.upload.sending import Sent, send

_Result = TypeVar("_Result")
#: Told after each file: what is done with it, how many are done, and how many there are.
Progress = Callable[[str, int, int], None]


class Uploaded(NamedTuple):
    """What `upload` did.

    Attributes:
      document: that was written as `upload.json`.
      sent: objects that were sent now; the others were there.
      sent_bytes: of these.
    """

    document: Upload
    sent: int
    sent_bytes: int


def upload(run: FinishedRun, folder: Folder, progress: Progress) -> Uploaded | None:
    """Uploads the local media of the kept examples and rewrites the tuning files; None when there are no local media.

    Args:
      folder: on Cloud Storage.

    Raises:
      InputError: the run is damaged, or local media are not those that it judged.
      OutputError: the store refuses.
    """
    uris = local_uris(run)
    if not uris:
        return None
    check_unchanged(run, uris)
    writer = run.writer()
    writer.remove_unfinished()
    media = list(_counted(read_all(uris), "read", len(uris), progress))
    groups: dict[str, list[LocalMedia]] = {}
    for one in media:
        groups.setdefault(one.sha256, []).append(one)
    sent = list(_counted(_send_all(folder, [group[0] for group in groups.values()]), "sent", len(groups), progress))
    objects = tuple(
        UploadedObject(tuple(one.uri for one in group), to.uri, to.size_bytes, to.crc32c, to.generation)
        for group, to in zip(groups.values(), sent, strict=True)
    )
    targets = {uri: one.uri for one in objects for uri in one.uris}
    written, files = [], []
    for split in run.splits:
        lines = Rewriting(run, split, targets)
        file = writer.rewrite(tuning_file(split), lines)
        written.append(file)
        files.append(RewrittenFile(file.name, file.size_bytes, file.crc32c, lines.replaced))
    writer.tell(written)
    document = Upload(VERSION, folder.name, objects, tuple(files))
    writer.add(UPLOAD, document.to_bytes())
    new = [one for one in sent if not one.was_there]
    return Uploaded(document, len(new), sum(one.size_bytes for one in new))


def _send_all(folder: Folder, media: Iterable[LocalMedia]) -> Iterator[Sent]:
    def one(file: LocalMedia) -> Sent:
        name = object_name(file)
        return send(folder, name, file.size_bytes, file.crc32c, lambda: chunks_of(file.path), replace=False)

    with ThreadPoolExecutor(THREADS, "send") as pool:
        try:
            yield from pool.map(one, media)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _counted(results: Iterable[_Result], what: str, total: int, progress: Progress) -> Iterator[_Result]:
    for done, result in enumerate(results, 1):
        progress(what, done, total)
        yield result
