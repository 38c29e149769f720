"""A run folder on Cloud Storage, through its own client. Objects appear whole, so nothing is written under other names.

Preconditions (https://cloud.google.com/storage/docs/request-preconditions) keep two runs apart: a claim is created with
`if_generation_match=0`, an object is deleted and composed as the very generation that was seen.
"""

from __future__ import annotations

import functools
import mimetypes
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, cast

import requests
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPIError,
    NotFound,
    PreconditionFailed,
    RetryError,
    Unauthorized,
)
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud.storage import Blob, Client
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY

from beam_tuning.errors import OutputError
from beam_tuning.media.stores.credentials import find_credentials
from beam_tuning.media.stores.gcs import EMULATOR_VARIABLE
from beam_tuning.run_folder.files import Entry, Writer, changed_meanwhile
from beam_tuning.run_folder.manifest import WrittenFile

#: https://cloud.google.com/storage/docs/composing-objects: a request takes at most 32 sources, and a composite may be
#: composed again.
_COMPOSE_SOURCES = 32
#: Of a file that is gathered in memory before it goes to disk.
_SPOOL_BYTES = 8 << 20
#: Of media; what the machine knows besides makes no difference.
_BUILT_IN_TYPES = mimetypes.MimeTypes(filenames=())
#: Of one request of a download.
_READ_BYTES = 4 << 20


#: Who is signed in may not do this; for a caller without credentials the client says it by an error of its own.
_NOT_ALLOWED = (Forbidden, Unauthorized, GoogleAuthError)
#: Of looking up what is there: a network that is down is told while the person still looks.
LOOKUP_RETRY = DEFAULT_RETRY.with_timeout(20.0)


class _Access(NamedTuple):
    """A client, and whether it speaks for nobody, so that it can only read what is public."""

    client: Client
    is_anonymous: bool


@functools.cache
def _access(emulator: str | None) -> _Access:
    """One for a process and server: it holds connections."""
    # The client itself looks for a metadata server for ten seconds and more. Of an emulator it knows by itself.
    if not emulator and find_credentials() is None:
        return _Access(Client.create_anonymous_client(), is_anonymous=True)
    return _Access(Client(), is_anonymous=False)


class GcsFolder:
    """Implements `files.Folder`."""

    def __init__(self, bucket: str, folder: str) -> None:
        self._uri = f"gs://{bucket}/{folder}".rstrip("/")
        self._bucket_name = bucket
        self._prefix = f"{folder}/" if folder else ""

    @property
    def name(self) -> str:
        return self._uri

    def path_of(self, name: str) -> str:
        return f"{self._uri}/{name}"

    def entry(self, name: str) -> Entry | None:
        with self._telling(name):
            blob = self._looked_up(name)
        return None if blob is None else self._entry(blob)

    def entries(self, subfolder: str) -> Sequence[Entry]:
        prefix = f"{self._prefix}{subfolder}/"
        with self._telling(subfolder):
            found = self._listed(prefix)
        # The console marks a folder by an empty object of its name.
        return sorted(entry for entry in found if entry.name != f"{subfolder}/")

    def open(self, name: str) -> BinaryIO:
        try:
            blob = self._looked_up(name)
        except _NOT_ALLOWED as error:
            raise PermissionError(13, "You may not read it", self.path_of(name)) from error
        except (GoogleAPIError, requests.RequestException, OutputError) as error:
            raise OSError(5, str(error), self.path_of(name)) from error
        if blob is None:
            raise FileNotFoundError(2, "There is no such object", self.path_of(name))
        return cast("BinaryIO", blob.open("rb", chunk_size=_READ_BYTES))

    def create(self, name: str, content: bytes) -> bool:
        return self._upload(name, content, generation=0)

    def replace(self, name: str, content: bytes, over: Entry) -> bool:
        return self._upload(name, content, generation=int(over.version))

    def _upload(self, name: str, content: bytes, generation: int) -> bool:
        with self._telling(name):
            try:
                self._blob(name).upload_from_string(content, _content_type(name), if_generation_match=generation)
            except PreconditionFailed:
                return False
        return True

    def writer(self, name: str, run_id: str) -> Writer:
        del run_id
        return _GcsWriter(self, self._blob(name), name)

    def delete(self, entry: Entry) -> None:
        with self._telling(entry.name):
            try:
                self._blob(entry.name).delete(if_generation_match=int(entry.version))
            except NotFound:
                pass
            except PreconditionFailed as error:
                raise changed_meanwhile(self.path_of(entry.name)) from error

    def unfinished(self, run_id: str) -> Sequence[Entry]:
        """What a composition in several steps left."""
        found: list[Entry] = []
        for split in ("train", "validation"):
            prefix = f"{self._prefix}{_part_prefix(f'{split}.jsonl', run_id)}"
            with self._telling(split):
                found += self._listed(prefix)
        return sorted(found)

    def join(self, name: str, parts: Sequence[WrittenFile], run_id: str) -> WrittenFile:
        """The store composes: no byte is read or written here."""
        with self._telling(name):
            try:
                blob = self._compose(name, parts, run_id)
            except (NotFound, PreconditionFailed) as error:
                raise changed_meanwhile(self.path_of(name)) from error
        return WrittenFile(name, blob.size, blob.crc32c, sum(part.lines or 0 for part in parts), str(blob.generation))

    def _compose(self, name: str, parts: Sequence[WrittenFile], run_id: str) -> Blob:
        sources = [self._blob(part.name, part.version) for part in parts]
        temporary: list[Blob] = []
        while len(sources) > _COMPOSE_SOURCES:
            groups = [sources[start : start + _COMPOSE_SOURCES] for start in range(0, len(sources), _COMPOSE_SOURCES)]
            sources = []
            for group in groups:
                part = self._blob(f"{_part_prefix(name, run_id)}{len(temporary):05d}")
                _compose_one(part, group)
                sources.append(part)
                temporary.append(part)
        whole = self._blob(name)
        whole.content_type = _content_type(name)
        _compose_one(whole, sources)
        for part in temporary:
            part.delete()
        return whole

    def _looked_up(self, name: str) -> Blob | None:
        return self._access().client.bucket(self._bucket_name).get_blob(self._prefix + name, retry=LOOKUP_RETRY)

    def _listed(self, prefix: str) -> list[Entry]:
        blobs = self._access().client.list_blobs(self._bucket_name, prefix=prefix, retry=LOOKUP_RETRY)
        return [self._entry(blob) for blob in blobs]

    def _blob(self, name: str, version: str = "") -> Blob:
        """An object to write or delete, which takes a name."""
        access = self._access()
        if access.is_anonymous:
            raise self._nobody()
        blob = access.client.bucket(self._bucket_name).blob(self._prefix + name)
        if version:
            blob._properties["generation"] = version
        return blob

    def _entry(self, blob: Blob) -> Entry:
        return Entry(blob.name.removeprefix(self._prefix), blob.size, blob.crc32c, str(blob.generation))

    def _access(self) -> _Access:
        try:
            return _access(os.environ.get(EMULATOR_VARIABLE))
        except DefaultCredentialsError as error:
            raise self._nobody() from error

    def _nobody(self) -> OutputError:
        return OutputError(
            "nobody is signed in to Google Cloud",
            where=self._uri,
            remedy="Sign in with: gcloud auth application-default login",
        )

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        try:
            yield
        except NotFound as error:
            remedy = "Create the bucket, or name another one."
            raise OutputError("there is no such bucket", where=self._uri, remedy=remedy) from error
        except requests.ConnectionError as error:
            raise self._unreachable(name, error) from error
        except RetryError as error:
            raise self._unreachable(name, error.cause or error) from error
        except (GoogleAPIError, GoogleAuthError, requests.RequestException, DataCorruption) as error:
            raise self._refused(name, error) from error

    def _refused(self, name: str, error: Exception) -> OutputError:
        if isinstance(error, _NOT_ALLOWED) and self._access().is_anonymous:
            return self._nobody()
        return OutputError(
            "Cloud Storage refused the request",
            where=self.path_of(name),
            observed=_in_short(error),
            remedy="Check that you may list, read, create and delete objects there (roles/storage.objectAdmin).",
        )

    def _unreachable(self, name: str, error: Exception) -> OutputError:
        return OutputError(
            "Cloud Storage does not answer",
            where=self.path_of(name),
            observed=_in_short(error),
            remedy="Check this machine's network, then run the same command again.",
        )


class _GcsWriter:
    """Gathers a file on the local disk and uploads it in one go, so that nothing half-written can ever appear."""

    def __init__(self, folder: GcsFolder, blob: Blob, name: str) -> None:
        self._folder = folder
        self._blob = blob
        self._name = name
        self._gathered = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - closed below
        self._size_bytes = 0

    def write(self, content: bytes) -> None:
        try:
            self._gathered.write(content)
        except OSError as error:
            remedy = "Free room in the folder for temporary files, or name another one with TMPDIR."
            raise OutputError("the local disk is full", where=tempfile.gettempdir(), remedy=remedy) from error
        self._size_bytes += len(content)

    def finish(self) -> str:
        with self._folder._telling(self._name), self._gathered as content:
            self._blob.upload_from_file(
                content, rewind=True, size=self._size_bytes, content_type=_content_type(self._name), checksum="crc32c"
            )
        return str(self._blob.generation)

    def abandon(self) -> None:
        self._gathered.close()


def _compose_one(target: Blob, sources: Sequence[Blob]) -> None:
    generations = [int(source.generation) if source.generation else None for source in sources]
    # The same sources give the same object, so a request that got no answer may be sent again.
    target.compose(sources, if_source_generation_match=generations, retry=DEFAULT_RETRY)
    target.reload()


def _part_prefix(name: str, run_id: str) -> str:
    return f"{name}.{run_id}-part-"


def _content_type(name: str) -> str:
    """The tuning service wants a "GCS object of type JSONL"."""
    suffix = name.rpartition(".")[2]
    types = {"jsonl": "application/jsonl", "json": "application/json", "html": "text/html; charset=utf-8"}
    return types.get(suffix) or _BUILT_IN_TYPES.guess_type(name)[0] or "application/octet-stream"


def _in_short(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
