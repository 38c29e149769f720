"""The Python interface, as `__init__.py` loads it; tests/test_python_interface.py holds the two together."""

from beam_tuning.api.checking import check_line as check_line
from beam_tuning.api.probing import MediaError as MediaError
from beam_tuning.api.probing import probe as probe
from beam_tuning.api.run import Run as Run
from beam_tuning.api.run import RunExample as RunExample
from beam_tuning.api.run import RunFinding as RunFinding
from beam_tuning.api.run import SplitCounts as SplitCounts
from beam_tuning.api.run import open_run as open_run
from beam_tuning.api.validating import ValidateKeywords as ValidateKeywords
from beam_tuning.api.validating import validate as validate
from beam_tuning.errors import BeamTuningError as BeamTuningError
from beam_tuning.errors import InputError as InputError
from beam_tuning.errors import OptionError as OptionError
from beam_tuning.errors import OutputError as OutputError
from beam_tuning.errors import UsageError as UsageError
from beam_tuning.media.info import FailureKind as FailureKind
from beam_tuning.media.info import MediaInfo as MediaInfo
from beam_tuning.media.info import MediaKind as MediaKind
from beam_tuning.media.info import ObjectInfo as ObjectInfo
from beam_tuning.media.info import ProbeCost as ProbeCost
from beam_tuning.media.info import ProbeFailure as ProbeFailure
from beam_tuning.media.info import ProbeResult as ProbeResult
from beam_tuning.media.info import StreamInfo as StreamInfo
from beam_tuning.policy.checked_line import CheckedLine as CheckedLine
from beam_tuning.policy.readiness import State as State
from beam_tuning.reasons import Finding as Finding
from beam_tuning.reasons import Outcome as Outcome
from beam_tuning.reasons import Reason as Reason
from beam_tuning.reasons import Scope as Scope
from beam_tuning.reasons import Verdict as Verdict
from beam_tuning.summary.judged_example import TokenRange as TokenRange
from beam_tuning.transforms.check_lines import CheckLines as CheckLines
from beam_tuning.transforms.probe_uris import ProbeUris as ProbeUris

__version__: str
__all__: list[str]
