"""The ways to learn how long a remote object is, each as one call: this prober, and those that people use."""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import threading
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

import av
import pymediainfo

from beam_tuning.media.info import MediaInfo
from beam_tuning.media.prober import Prober

_BLOCK_BYTES = 64 * 1024
_ATTACHED_PICTURE = 0x400
_local = threading.local()


class Method(Protocol):
    """Seconds of the object behind a URL; None when the method does not know."""

    def __call__(self, url: str) -> float | None: ...


def _connection(netloc: str) -> http.client.HTTPConnection:
    """One connection for each thread and server, kept open: as cheap as Python's own client can be."""
    connections: dict[str, http.client.HTTPConnection] = _local.__dict__.setdefault("connections", {})
    if netloc not in connections:
        connections[netloc] = http.client.HTTPConnection(netloc)
    return connections[netloc]


def _get(url: str, first: int | None = None, last: int | None = None) -> tuple[bytes, int]:
    """The bytes of a range, or all of them, and the whole object's size."""
    parts = urlsplit(url)
    connection = _connection(parts.netloc)
    headers = {} if first is None else {"Range": f"bytes={first}-{last}"}
    connection.request("GET", parts.path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    content_range = answer.headers.get("Content-Range", "")
    return (b"" if answer.status == 416 else body), int(content_range.rpartition("/")[2] or len(body))


class RangeFile(io.RawIOBase):
    """A remote object as a file: every read that is not in the last block is one request for a block of 64 KiB."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._position = 0
        self._block_start = 0
        self._block, self.size = _get(url, 0, _BLOCK_BYTES - 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        return self._position

    def read(self, size: int = -1) -> bytes:
        wanted = self.size - self._position if size is None or size < 0 else min(size, self.size - self._position)
        if wanted <= 0:
            return b""
        offset = self._position - self._block_start
        if not 0 <= offset < len(self._block):
            self._block_start, offset = self._position, 0
            self._block, _ = _get(self._url, self._position, self._position + max(wanted, _BLOCK_BYTES) - 1)
        data = self._block[offset : offset + wanted]
        self._position += len(data)
        return data


def probe_with(prober: Prober) -> Method:
    """This project's prober."""

    def method(url: str) -> float | None:
        media = prober.submit(url).result().media
        return media.duration_s if isinstance(media, MediaInfo) else None

    return method


def _general_s(info: pymediainfo.MediaInfo) -> float | None:
    """The length of the file as pymediainfo's users take it: that of the general track, in ms."""
    duration_ms = info.general_tracks[0].duration if info.general_tracks else None
    return None if duration_ms is None else float(duration_ms) / 1000


def pymediainfo_download(url: str) -> float | None:
    return _general_s(pymediainfo.MediaInfo.parse(io.BytesIO(_get(url)[0])))


def pymediainfo_file_like(url: str) -> float | None:
    return _general_s(pymediainfo.MediaInfo.parse(RangeFile(url)))


def pymediainfo_file_like_speed_0(url: str) -> float | None:
    return _general_s(pymediainfo.MediaInfo.parse(RangeFile(url), parse_speed=0))


def ffprobe(url: str) -> float | None:
    command = ["ffprobe", "-v", "quiet", "-of", "json", "-show_format", url]
    answer = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    duration = json.loads(answer.stdout or "{}").get("format", {}).get("duration")
    return None if duration is None else float(duration)


def pyav_file_like(url: str) -> float | None:
    try:
        with av.open(RangeFile(url), metadata_errors="ignore", buffer_size=_BLOCK_BYTES) as media:
            return None if media.duration is None else media.duration / av.time_base
    except (av.error.FFmpegError, UnicodeDecodeError):
        return None


OTHERS: dict[str, Callable[[str], float | None]] = {
    "pymediainfo, whole download": pymediainfo_download,
    "pymediainfo, file-like": pymediainfo_file_like,
    "pymediainfo, file-like, parse_speed=0": pymediainfo_file_like_speed_0,
    "ffprobe on the URL": ffprobe,
    "PyAV, file-like": pyav_file_like,
}
