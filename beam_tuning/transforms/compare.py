"""Comparing examples with one another: which stand there twice, and which media stand in both splits.

Hashes, places and URIs go through the shuffle, in one element for each pack and bucket; lines do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from beam_tuning.curation.leaks import MediaUse, PackUses, find_leaks, identity
from beam_tuning.curation.repeats import PackKeys, find_repeats
from beam_tuning.pack_work.codecs import decoder, encode, table_from_ipc
from beam_tuning.pack_work.look import bucket_of

#: Bytes of input behind one bucket: some ten thousand lines, whose rows take a megabyte.
_INPUT_BYTES_PER_BUCKET = 32 << 20
_MOST_BUCKETS = 1 << 14


class ComparedExamples(NamedTuple):
    """What `CompareExamples` gives.

    Attributes:
      marks: (shard key, encoded list of `Marks`).
      leaks: (shard key, encoded list of `Leak`); none where there is one split.
    """

    marks: PCollection[tuple[str, bytes]]
    leaks: PCollection[tuple[str, bytes]] | None


@dataclass
class CompareExamples(beam.PTransform):
    """{keys, uses} as `ScanLines` gives them -> `ComparedExamples`.

    Attributes:
      buckets: how many there are; `compare_buckets` says how many there should be.
      media_rows: Arrow tables of distinct media objects, as IPC bytes, where there are two splits.
    """

    buckets: int
    media_rows: PCollection[bytes] | None = None

    def expand(self, looked: dict[str, PCollection[tuple[int, bytes]]]) -> ComparedExamples:
        marks = (
            looked["keys"]
            | "Group by input" >> beam.GroupByKey()
            | "Find repeats" >> beam.FlatMap(_marks).with_output_types(tuple[str, bytes])
        )
        if self.media_rows is None:
            return ComparedExamples(marks, None)
        identities = self.media_rows | "Identities" >> beam.FlatMap(_identities, self.buckets).with_output_types(
            tuple[int, bytes]
        )
        leaks = (
            {"uses": looked["uses"], "identities": identities}
            | "Group by URI" >> beam.CoGroupByKey()
            | "Identify" >> beam.FlatMap(_identified, self.buckets).with_output_types(tuple[int, bytes])
            | "Group by object" >> beam.GroupByKey()
            | "Find leaks" >> beam.FlatMap(_leaks).with_output_types(tuple[str, bytes])
        )
        return ComparedExamples(marks, leaks)


def compare_buckets(input_bytes: int) -> int:
    """Buckets for an input of that size."""
    return min(max(input_bytes // _INPUT_BYTES_PER_BUCKET, 1), _MOST_BUCKETS)


_KEYS_DECODER = decoder(PackKeys)
_USES_DECODER = decoder(PackUses)
_IDENTITIES_DECODER = decoder(dict[str, str])


def _marks(element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[str, bytes]]:
    for shard, marks in find_repeats(map(_KEYS_DECODER.decode, element[1])):
        yield shard, encode(marks)


def _identities(data: bytes, buckets: int) -> Iterator[tuple[int, bytes]]:
    """(bucket of the URI, identities by URI) of those objects whose store tells a checksum."""
    table = table_from_ipc(data)
    columns = [table.column(name).to_pylist() for name in ("uri", "size_bytes", "crc32c", "md5")]
    of_bucket: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for uri, size_bytes, crc32c, md5 in zip(*columns, strict=True):
        name = identity(uri, size_bytes, crc32c, md5)
        if name != uri:
            of_bucket[bucket_of(uri, buckets)][uri] = name
    for bucket, some in of_bucket.items():
        yield bucket, encode(some)


def _identified(element: tuple[int, dict[str, Iterable[bytes]]], buckets: int) -> Iterator[tuple[int, bytes]]:
    """(bucket of the object, encoded `PackUses`), whose objects are known."""
    _, group = element
    names: dict[str, str] = {}
    for packed in group["identities"]:
        names.update(_IDENTITIES_DECODER.decode(packed))
    for packed in group["uses"]:
        pack = _USES_DECODER.decode(packed)
        of_bucket: defaultdict[int, list[MediaUse]] = defaultdict(list)
        for use in pack.uses:
            name = names.get(use.uri, use.uri)
            of_bucket[bucket_of(name, buckets)].append(use._replace(object=name))
        for bucket, some in of_bucket.items():
            yield bucket, encode(msgspec.structs.replace(pack, uses=some))


def _leaks(element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[str, bytes]]:
    for shard, leaks in sorted(find_leaks(map(_USES_DECODER.decode, element[1])).items()):
        yield shard, encode(leaks)
