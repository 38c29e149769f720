"""Writing the files of one output shard from what its packs come to, in their order."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics

from beam_tuning.dataset.layout import Shard
from beam_tuning.pack_work.judged_packs import JudgedPack
from beam_tuning.pack_work.shard_output import Outputs, ShardOutput
from beam_tuning.reasons import JUDGED, Verdict
from beam_tuning.run_folder.claim import check_claim
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.summary.summary import Summary
from beam_tuning.transforms.expected import EXAMPLES_JUDGED
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS
from beam_tuning.transforms.write import ShardFiles

SUMMARY = "summary"
_VERDICTS = {verdict: Metrics.counter(NAMESPACE, f"examples_{verdict.value}") for verdict in Verdict}


class ShardWriter:
    """Writes a shard piece by piece; either `finish` or `abandon` is its end.

    Args:
      shards: the shard that the packs are of; then those of other splits to which examples were moved.
      verdicts: that examples may have.
    """

    def __init__(self, target: RunTarget, shards: Sequence[Shard], verdicts: Sequence[Verdict]) -> None:
        check_claim(open_folder(target.folder), target.run_id)
        self._summary = Summary.empty()
        with ExitStack() as stack:
            self._files = {one.split: stack.enter_context(ShardFiles(target, one, verdicts)) for one in shards}
            self._open = stack.pop_all()

    def add(self, output: ShardOutput) -> None:
        """Writes what comes next."""
        for split, of_split in output.splits.items():
            files = self._files[split]
            for verdict, text in of_split.texts.items():
                files.write(verdict, text)
                _VERDICTS[verdict].inc(of_split.counts[verdict])
            files.write_verdicts(of_split.table)
        self._summary.merge(output.summary)
        PROGRESS.add(EXAMPLES_JUDGED, output.lines)

    def finish(self) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        """The files; the summary is a tagged output."""
        self._open.close()
        for files in self._files.values():
            yield from files.written
        yield pvalue.TaggedOutput(SUMMARY, self._summary.to_bytes())

    def abandon(self) -> None:
        """Leaves nothing of the shard behind; called while an error is handled."""
        self._open.__exit__(*sys.exc_info())


def write_shard(
    target: RunTarget, shard: Shard, packs: Iterable[JudgedPack]
) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
    """Writes the files of a shard from its judged packs, in their order; its summary is a tagged output."""
    writer = ShardWriter(target, [shard], JUDGED)
    outputs = Outputs((shard.split,), JUDGED)
    try:
        for pack in packs:
            writer.add(outputs.of([pack]))
    except BaseException:
        writer.abandon()
        raise
    yield from writer.finish()
