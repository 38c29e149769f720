"""How many worker processes a run on this machine has."""

from __future__ import annotations

from collections.abc import Iterable

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import OptionError
from beam_tuning.pipelines.launch import has_worker_processes, is_in_process
from beam_tuning.pipelines.validate_options import AUTO
from beam_tuning.worker_processes.cores import usable_cores

#: Below so many bytes of input the work is done before the workers have started (docs/performance.md).
_WORTH_IT_BYTES = 8 << 20
#: What a gzip file of JSON Lines expands to, about (docs/design.md).
_EXPANSION = 5


def worker_count(wanted: int | str, inputs: Iterable[InputFile], beam_options: PipelineOptions) -> int:
    """The number of worker processes; 1 for none beside the launcher.

    Args:
      wanted: the value of --workers.

    Raises:
      OptionError: a number is given, and the runner has workers of its own.
    """
    has_own = not is_in_process(beam_options) or has_worker_processes(beam_options)
    if has_own:
        if wanted != AUTO:
            runner = beam_options.view_as(StandardOptions).runner
            raise OptionError(
                "the runner has workers of its own",
                where="--workers",
                observed="--direct_running_mode=multi_processing" if is_in_process(beam_options) else runner,
                remedy="Leave --workers out, and give the runner's own options.",
            )
        return 1
    if isinstance(wanted, int):
        return wanted
    size_bytes = sum(file.size_bytes * (_EXPANSION if file.path.endswith(".gz") else 1) for file in inputs)
    return usable_cores() if size_bytes >= _WORTH_IT_BYTES else 1
