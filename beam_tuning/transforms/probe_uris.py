"""Public: what every distinct media object of a pipeline of one's own is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.pvalue import PCollection
from apache_beam.utils.windowed_value import WindowedValue

from beam_tuning.media.info import ProbeResult
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.pack_work.codecs import encode, results_from_bytes
from beam_tuning.pack_work.look import NamedUris, bucket_of
from beam_tuning.transforms.bundles import at_the_end
from beam_tuning.transforms.probe import ProbeMedia

#: Each is read by one worker at a time.
BUCKETS = 1024
#: URIs that travel together.
_URIS_PER_PACK = 500


@dataclass
class ProbeUris(beam.PTransform):
    """URIs of media objects -> `beam_tuning.ProbeResult`, one for each distinct URI.

    Input: `str`, bounded, in the global window. Output: `ProbeResult`, in no order; what cannot be read is a result as
    well, whose `media` is a `ProbeFailure`. Nothing is raised for an object. Each object is read once, whatever the
    number of its mentions, with at most `threads` reads in flight in a worker process.

    Attributes:
      allow_local_media: whether paths of the workers' machines and file:// URIs are read.
      allow_private_addresses: whether http(s):// hosts may have private or loopback addresses.
      billing_project: pays for reading from buckets that charge the reader (requester pays).
      threads: probes in flight in each worker process.
    """

    _: KW_ONLY
    allow_local_media: bool = False
    allow_private_addresses: bool = False
    billing_project: str | None = None
    threads: int = 32

    def expand(self, uris: PCollection[str]) -> PCollection[ProbeResult]:
        options = ProbeOptions(
            allow_local_media=self.allow_local_media,
            allow_private_addresses=self.allow_private_addresses,
            billing_project=self.billing_project,
            threads=self.threads,
        )
        named = uris | "Pack URIs" >> beam.ParDo(_PackUrisFn())
        probed = named | "Probe media" >> ProbeMedia(options, BUCKETS)
        results: PCollection[ProbeResult] = probed.results | "Unpack results" >> beam.FlatMap(
            _unpacked
        ).with_output_types(ProbeResult)
        return results


def _unpacked(element: tuple[str, bytes]) -> list[ProbeResult]:
    return results_from_bytes(element[1])


@beam.typehints.with_output_types(tuple[int, bytes])
class _PackUrisFn(beam.DoFn):
    """URIs -> (bucket, encoded `NamedUris`), each once in a bundle."""

    def start_bundle(self) -> None:
        self._of_bucket: dict[int, dict[str, None]] = {}

    def process(self, uri: str) -> Iterator[tuple[int, bytes]]:
        bucket = bucket_of(uri, BUCKETS)
        uris = self._of_bucket.setdefault(bucket, {})
        uris[uri] = None
        if len(uris) >= _URIS_PER_PACK:
            yield bucket, encode(NamedUris("", list(self._of_bucket.pop(bucket))))

    def finish_bundle(self) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        yield from at_the_end((bucket, encode(NamedUris("", list(uris)))) for bucket, uris in self._of_bucket.items())
        self._of_bucket = {}
