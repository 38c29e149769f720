"""Public: every line of a pipeline of one's own with its verdict and its reasons."""

from __future__ import annotations

import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.pvalue import PCollection
from apache_beam.utils.windowed_value import WindowedValue

from beam_tuning.limits_file import policy_of
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.pack_work.codecs import encode, results_by_uri
from beam_tuning.pack_work.look import NamedUris, bucket_of
from beam_tuning.policy.checked_line import CheckedLine, check, media_of
from beam_tuning.policy.policy import Policy
from beam_tuning.transforms.bundles import at_the_end
from beam_tuning.transforms.probe import ProbeMedia
from beam_tuning.transforms.probe_uris import BUCKETS

#: Lines meet their media in so many groups, each judged by one worker at a time.
_GROUPS = 1024
_BYTES_PER_PACK = 1 << 20
_LINES = msgspec.msgpack.Decoder(list[bytes])


@dataclass
class CheckLines(beam.PTransform):
    """Lines of a dataset -> (line, `beam_tuning.CheckedLine`), judged as `beam-tuning validate` judges them.

    Input: `bytes`, one JSON object each, bounded, in the global window. Output: (`bytes`, `CheckedLine`), one for each
    line, in no order; equal lines come as often as they went in. Every distinct media object is read once. A line and
    what it names cannot raise anything. What only a dataset as a whole shows, such as mixed media resolutions, is not
    looked at.

    Attributes:
      model: to tune, e.g. `gemini-3.5-flash`.
      limits: TOML file with limits of your own, on the machine that builds the pipeline.
      length_basis: `segment` or `file`: what a length limit is held against where a line names a segment.
      tolerate: codes of reasons that shall decide nothing.
      allow_local_media, allow_private_addresses, billing_project, threads: as `ProbeUris` takes them.

    Raises (when the pipeline is built):
      OptionError: the model is not known, or another value cannot be used.
    """

    model: str
    _: KW_ONLY
    limits: str | os.PathLike[str] | None = None
    length_basis: str = "segment"
    tolerate: Iterable[str] = ()
    allow_local_media: bool = False
    allow_private_addresses: bool = False
    billing_project: str | None = None
    threads: int = 32

    def expand(self, lines: PCollection[bytes]) -> PCollection[tuple[bytes, CheckedLine]]:
        policy = policy_of(
            self.model,
            limits=self.limits,
            length_basis=self.length_basis,
            tolerate=self.tolerate,
            allow_local_media=self.allow_local_media,
        )
        options = ProbeOptions(
            allow_local_media=self.allow_local_media,
            allow_private_addresses=self.allow_private_addresses,
            billing_project=self.billing_project,
            threads=self.threads,
        )
        packs = lines | "Pack lines" >> beam.ParDo(_PackLinesFn())
        named = packs | "Find media" >> beam.FlatMap(_named_uris).with_output_types(tuple[int, bytes])
        probed = named | "Probe media" >> ProbeMedia(options, BUCKETS)
        checked: PCollection[tuple[bytes, CheckedLine]] = (
            {"lines": packs, "results": probed.results}
            | "Join" >> beam.CoGroupByKey()
            | "Judge" >> beam.FlatMap(_judged, policy).with_output_types(tuple[bytes, CheckedLine])
        )
        return checked


@beam.typehints.with_output_types(tuple[str, bytes])
class _PackLinesFn(beam.DoFn):
    """Lines -> (group, encoded list of lines)."""

    def start_bundle(self) -> None:
        self._lines: defaultdict[str, list[bytes]] = defaultdict(list)
        self._bytes: defaultdict[str, int] = defaultdict(int)

    def process(self, line: bytes) -> Iterator[tuple[str, bytes]]:
        group = str(zlib.crc32(line) % _GROUPS)
        self._lines[group].append(line)
        self._bytes[group] += len(line)
        if self._bytes[group] >= _BYTES_PER_PACK:
            del self._bytes[group]
            yield group, encode(self._lines.pop(group))

    def finish_bundle(self) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        yield from at_the_end((group, encode(lines)) for group, lines in self._lines.items())


def _named_uris(element: tuple[str, bytes]) -> Iterator[tuple[int, bytes]]:
    group, packed = element
    of_bucket: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for line in _LINES.decode(packed):
        for uri in media_of(line):
            of_bucket[bucket_of(uri, BUCKETS)][uri] = None
    for bucket, uris in of_bucket.items():
        yield bucket, encode(NamedUris(group, list(uris)))


def _judged(element: tuple[str, dict[str, Iterable[bytes]]], policy: Policy) -> Iterator[tuple[bytes, CheckedLine]]:
    _, joined = element
    media = results_by_uri(joined["results"])
    for packed in joined["lines"]:
        for line in _LINES.decode(packed):
            yield line, check(policy, line, media)
