"""Media of examples that are dropped for them: what is to be made of each object, made once, and told to the shards."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_tuning.dataset.example import LineId
from beam_tuning.edited_media.making import Making, deliver
from beam_tuning.edited_media.orders import Delivered, Delivery, Order, SourceObject
from beam_tuning.line_edits.edits import edited
from beam_tuning.media.info import ProbeResult
from beam_tuning.media_repairs.bringing import MediaRepair
from beam_tuning.pack_work.codecs import decoder, encode, results_by_uri
from beam_tuning.pack_work.look import NamedUris, bucket_of
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.judged_line import judge_line
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.transforms.progress import NAMESPACE
from beam_tuning.transforms.run_lines import RunPack

URIS = "uris"


class Ordered(msgspec.Struct, frozen=True, array_like=True):
    """An order, and the key of the shard that it is for."""

    shard: str
    source: SourceObject
    order: Order


class OrderDelivered(msgspec.Struct, frozen=True, array_like=True):
    """What came of an order."""

    uri: str
    order: Order
    delivery: Delivery


class MadeMedia(NamedTuple):
    """What `MakeMedia` gives.

    Attributes:
      deliveries: (shard key, encoded `OrderDelivered`).
      media: (bucket, encoded `NamedUris`) of the new files, to be probed.
    """

    deliveries: PCollection[tuple[str, bytes]]
    media: PCollection[tuple[int, bytes]]


@dataclass
class MakeMedia(beam.PTransform):
    """{packs: (shard key, encoded RunPack), results} -> `MadeMedia`.

    Every distinct object is one element of one step: it is fetched once, whatever is made of it.
    """

    policy: Policy
    edits: tuple[str, ...]
    repair: MediaRepair
    making: Making
    buckets: int

    def expand(self, keyed: dict[str, PCollection[Any]]) -> MadeMedia:
        made = (
            keyed
            | "Join for plans" >> beam.CoGroupByKey()
            | "Plan media" >> beam.ParDo(_PlanFn(self.policy, self.edits, self.repair))
            | "Group by object" >> beam.GroupByKey()
            | "Make media" >> beam.ParDo(_MakeFn(self.making, self.buckets)).with_outputs(URIS, main="deliveries")
        )
        return MadeMedia(made.deliveries, made[URIS])


@beam.typehints.with_output_types(tuple[str, bytes])
class _PlanFn(beam.DoFn):
    """(shard key, {packs, results}) -> (URI, encoded `Ordered`)."""

    def __init__(self, policy: Policy, edits: tuple[str, ...], repair: MediaRepair) -> None:
        self._policy = policy
        self._edits = edits
        self._repair = repair

    def setup(self) -> None:
        self._decode = decoder(RunPack).decode

    def process(self, element: tuple[str, dict[str, Iterable[bytes]]]) -> Iterator[tuple[str, bytes]]:
        key, group = element
        media = results_by_uri(group["results"])
        orders: dict[Ordered, None] = {}
        for pack in map(self._decode, group["packs"]):
            for line in pack.lines():
                if not line.is_open(self._policy):
                    continue
                judge = functools.partial(self._judged, line.line_id, media)
                made = edited(line.data, judge(line.data), judge, self._policy.limits, self._edits)
                parts = () if made.is_kept else self._repair.orders(made.line, made.judged, self._policy)
                orders.update(dict.fromkeys(Ordered(key, part.source, part.order) for part in parts))
        for one in orders:
            yield one.source.uri, encode(one)

    def _judged(self, line_id: LineId, media: Mapping[str, ProbeResult], line: bytes) -> JudgedExample:
        return judge_line(self._policy, line_id, line, media).example


@beam.typehints.with_output_types(tuple[str, bytes])
class _MakeFn(beam.DoFn):
    """(URI, encoded `Ordered`s) -> (shard key, encoded `OrderDelivered`); URIs of new files as a tagged output."""

    _files: ClassVar = {
        kind: Metrics.counter(NAMESPACE, f"repair_media_{kind}") for kind in ("made", "were_there", "failed")
    }

    def __init__(self, making: Making, buckets: int) -> None:
        self._making = making
        self._buckets = buckets

    def setup(self) -> None:
        self._decode = decoder(Ordered).decode

    def process(self, element: tuple[str, Iterable[bytes]]) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        uri, packed = element
        shards_of: defaultdict[tuple[SourceObject, Order], list[str]] = defaultdict(list)
        for one in map(self._decode, packed):
            shards_of[one.source, one.order].append(one.shard)
        by_source: defaultdict[SourceObject, list[Order]] = defaultdict(list)
        for source, order in shards_of:
            by_source[source].append(order)
        for source, orders in by_source.items():
            orders.sort(key=msgspec.json.encode)
            for order, delivery in zip(orders, deliver(source, orders, self._making), strict=True):
                shards = sorted(set(shards_of[source, order]))
                for shard in shards:
                    yield shard, encode(OrderDelivered(uri, order, delivery))
                yield from self._uris(delivery, shards)

    def _uris(self, delivery: Delivery, shards: list[str]) -> Iterator[pvalue.TaggedOutput]:
        if not isinstance(delivery, Delivered):
            self._files["failed"].inc()
            return
        for file in delivery.files:
            self._files["were_there" if file.was_there else "made"].inc()
            for shard in shards:
                bucket = bucket_of(file.uri, self._buckets)
                yield pvalue.TaggedOutput(URIS, (bucket, encode(NamedUris(shard, [file.uri]))))


def deliveries_from(packed: Iterable[bytes]) -> dict[tuple[str, Order], Delivery]:
    """What a shard was delivered, by URI and order."""
    decode = decoder(OrderDelivered).decode
    return {(one.uri, one.order): one.delivery for one in map(decode, packed)}
