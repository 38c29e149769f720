"""Bundles that run more than once, as they do where workers die or a service doubles slow work: the same output.

Prism and the in-process runner try no bundle again. So every bundle is run twice here, and what its first run sends on
is thrown away, as an engine throws away what a failed attempt has sent. What an attempt does beside that stays done:
files written whole or in part, media probed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import BundleManager
from run_output import output_of

from beam_tuning.cli import main
from beam_tuning.errors import BeamTuningError
from beam_tuning.run_folder.files import Writer
from beam_tuning.run_folder.local import LocalFolder
from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample

WHOLE_BUT_NOT_READY = 3


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample"))


def validate(sample: Sample, output: Path) -> int:
    return main(
        [
            "validate",
            f"--train={sample.train}",
            f"--validation={sample.validation}",
            f"--output={output}",
            f"--model={SAMPLE_MODEL}",
            "--allow_local_media",
        ]
    )


@pytest.fixture(scope="module")
def once(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("once") / "out"
    assert validate(sample, output) == WHOLE_BUT_NOT_READY
    return output_of(output)


class Attempts:
    """How first attempts ended, in order; `in_vain` is set while one goes on."""

    def __init__(self) -> None:
        self.endings: list[str] = []
        self.in_vain = False


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> Attempts:
    """Has every bundle run twice, the first time in vain."""
    run_bundle = BundleManager.process_bundle
    made = Attempts()

    def run_twice(self: BundleManager, *arguments: Any, **named: Any) -> Any:
        made.in_vain = True
        try:
            run_bundle(self, *arguments, **{**named, "dry_run": True})
            made.endings.append("whole")
        except (RuntimeError, OSError, BeamTuningError) as error:
            made.endings.append(str(error))
        made.in_vain = False
        return run_bundle(self, *arguments, **named)

    monkeypatch.setattr(BundleManager, "process_bundle", run_twice)
    return made


def test_every_bundle_runs_twice(sample: Sample, once: dict[str, Any], attempts: Attempts, tmp_path: Path) -> None:
    assert validate(sample, tmp_path / "out") == WHOLE_BUT_NOT_READY
    assert len(attempts.endings) > 10
    assert set(attempts.endings) == {"whole"}
    assert output_of(tmp_path / "out") == once


def test_bundles_fail_in_the_middle_of_a_file(
    sample: Sample, once: dict[str, Any], attempts: Attempts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = LocalFolder.writer

    def begin_breaking(folder: LocalFolder, name: str, run_id: str) -> Writer:
        writer = begin(folder, name, run_id)
        return _FullDisk(writer) if attempts.in_vain else writer

    monkeypatch.setattr(LocalFolder, "writer", begin_breaking)
    assert validate(sample, tmp_path / "out") == WHOLE_BUT_NOT_READY
    assert sum("disk full" in ending for ending in attempts.endings) >= 3
    assert output_of(tmp_path / "out") == once


class _FullDisk:
    """Takes half of the first write and then no more."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.finish, self.abandon = writer.finish, writer.abandon

    def write(self, content: bytes) -> None:
        self._writer.write(content[: len(content) // 2])
        raise OSError(28, "disk full")
