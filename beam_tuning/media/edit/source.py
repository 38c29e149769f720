"""Opening a media file that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, NamedTuple

import av

from beam_tuning.media.edit.wanted import SECOND_NS

#: Demuxers that read the one file they are given. Playlists and the like name other files, and are left out.
_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,wav,w64,aiff,caf,mp3,aac,loas,ogg,flac,ac3"
    ",eac3,amr,h264,hevc,m4v,dts,au,mxf,nut"
)
#: Demuxers that find keyframes by an index; others may come to a halt behind the one that is wanted.
_INDEXED = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "wav", "flac"})
_STEPS_BACK_S = (0, 2, 10, 60)
_ATTACHED_PICTURE = 0x400
_WARM_UP_S = Fraction(1, 10)


class CannotEdit(Exception):
    """The edit is impossible; the text ends a sentence that begins with `the file`."""


class Source(NamedTuple):
    """An open file.

    Attributes:
      container: PyAV's.
      video: the first video stream that is no cover picture; None of an audio file.
      audio: all audio streams.
      origin: seconds where its time line begins (see `_origin`).
    """

    container: Any
    video: Any
    audio: tuple[Any, ...]
    origin: Fraction

    def time_ns(self, ticks: int, stream: Any) -> int:
        """A time of a stream on the file's time line."""
        return round(Fraction(ticks * stream.time_base - self.origin) * SECOND_NS)

    def ticks(self, time_ns: int, stream: Any) -> int:
        """The inverse of `time_ns`, rounded to the nearest."""
        return round(Fraction((Fraction(time_ns, SECOND_NS) + self.origin) / stream.time_base))

    def seek(self, time_ns: int, stream: Any) -> None:
        """Goes to a keyframe of the stream that is not after the time, if there is one; mostly to the last such one."""
        if self.container.format.name in _INDEXED:
            self._seek(time_ns, stream)
            return
        for back_s in _STEPS_BACK_S:
            earlier_ns = time_ns - back_s * SECOND_NS
            if earlier_ns <= 0:
                break
            self._seek(earlier_ns, stream)
            packets = self.container.demux(stream)
            found = next((packet for packet in packets if packet.is_keyframe and packet.size), None)
            if found is not None and found.pts is not None and self.time_ns(found.pts, stream) <= time_ns:
                self._seek(earlier_ns, stream)
                return
        self._rewind()

    def _seek(self, time_ns: int, stream: Any) -> None:
        try:
            self.container.seek(self.ticks(max(0, time_ns), stream), stream=stream, backward=True)
        except (av.FFmpegError, OverflowError):
            self._rewind()

    def _rewind(self) -> None:
        self.container.seek(0)


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """Opens a file.

    Raises:
      CannotEdit: it holds neither pictures nor sound.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
    with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
        videos = [stream for stream in container.streams.video if not int(stream.disposition) & _ATTACHED_PICTURE]
        video = videos[0] if videos else None
        audio = tuple(stream for stream in container.streams.audio if stream.codec_context is not None)
        if video is None and not audio:
            raise CannotEdit("holds neither pictures nor sound")
        yield Source(container, video, audio, _origin(container))


def _origin(container: Any) -> Fraction:
    """Where players begin; encoders of sound begin some milliseconds before 0, for decoders to warm up."""
    start = Fraction(container.start_time or 0, av.time_base)
    return Fraction(0) if -_WARM_UP_S < start < 0 else start
