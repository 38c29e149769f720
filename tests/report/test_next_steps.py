"""What to type next: made from the run, parses as it stands, and does what it says when it is typed."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_examples import known
from report_documents import OUTPUTS, document_of, run_settings
from tuning_lines import text

from beam_tuning.cli import main
from beam_tuning.command_line import parse
from beam_tuning.commands import load
from beam_tuning.dataset.example import LineId, MediaPart
from beam_tuning.line_edits.edits import EDITS
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeResult
from beam_tuning.media_repairs.plan import MENDED
from beam_tuning.reasons import Finding, Outcome, Reason, verdict_of
from beam_tuning.report.command_lines import quoted, validate_command
from beam_tuning.report.sections.next_steps import MOST_STEPS, Step, next_steps
from beam_tuning.summary.judged_example import JudgedExample

LOW, HIGH = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH"
#: A run is of today, and models have an end.
ANY_DAY = "--tolerate=MODEL_PAST_RETIREMENT"
VALIDATE = load("validate")
DEFAULTS = {option.name: option.default for option in VALIDATE.options if option.name != "json"}


def example(
    number: int, *reasons: Reason, resolution: str | None = LOW, uri: str = "gs://example-bucket/a.mp4"
) -> JudgedExample:
    findings = tuple(Finding(reason, reason.message, "contents[0].parts[0]") for reason in reasons)
    part = MediaPart("contents[0].parts[0]", "user", uri, "video/mp4", MediaKind.VIDEO)
    probe = ProbeResult(uri, MediaInfo("mp4", MediaKind.VIDEO, (), 3.0))
    place = LineId("train", "gs://example-bucket/train.jsonl", number, 100 * number)
    return JudgedExample(place, 99, verdict_of(findings), findings, (known(part, probe),), resolution, 9)


def steps_of(examples: list[JudgedExample], **options: Any) -> list[Step]:
    given = {
        **DEFAULTS,
        "train": ("gs://example-bucket/train *.jsonl",),
        "output": "gs://example-bucket/checked",
        "model": "gemini-2.5-flash",
        **options,
    }
    changed = tuple(name for name, value in given.items() if value != DEFAULTS[name])
    settings = run_settings(options=given, options_given=changed, output=given["output"], splits=("train",))
    return next_steps(document_of(examples, settings))


def options_of(step: Step) -> dict[str, Any]:
    """What the command line makes of the command, but for defaults."""
    words = shlex.split(step.command)
    assert words[:2] == ["beam-tuning", "validate"]
    parsed = parse(VALIDATE, words[2:])
    assert parsed.beam_arguments == []
    values = {name: getattr(parsed, name) for name in DEFAULTS}
    return {name: value for name, value in values.items() if value not in (DEFAULTS[name], ())}


AGAIN = {
    "train": ("gs://example-bucket/train *.jsonl",),
    "model": "gemini-2.5-flash",
    "probe_cache": "gs://example-bucket/checked",
}


def test_mixed_resolutions_are_evened_out_at_the_value_that_keeps_the_most() -> None:
    examples = [example(n) for n in range(1, 41)] + [example(n, resolution=HIGH) for n in range(41, 44)]
    step, *_ = steps_of(examples)
    assert "resolution LOW into every kept example" in step.why
    changed = {"output": "gs://example-bucket/checked-low", "set_media_resolution": LOW, "fail_on": "cleaned"}
    assert options_of(step) == AGAIN | changed


def test_more_examples_than_the_model_takes_are_sampled() -> None:
    one = msgspec.structs.replace(example(1), size_bytes=600_000_000)
    step = steps_of([one, msgspec.structs.replace(one, line_id=example(2).line_id)])[0]
    assert "limits allow" in step.why
    changed = {"output": "gs://example-bucket/checked-fit", "max_examples": "fit", "fail_on": "cleaned"}
    assert options_of(step) == AGAIN | changed


def test_what_was_not_answered_is_asked_again() -> None:
    examples = [*(example(n) for n in range(1, 5)), example(5, Reason.MEDIA_TIMED_OUT, uri="gs://example-bucket/b.mp4")]
    step = next(one for one in steps_of(examples, overwrite=True, epochs=3) if "undecided" in one.why)
    assert options_of(step) == AGAIN | {"output": "gs://example-bucket/checked-again", "epochs": 3}


def test_what_stands_there_twice_can_be_left_out() -> None:
    examples = [
        *(example(n) for n in range(1, 150)),
        *(example(n, Reason.EXAMPLE_DUPLICATE) for n in (150, 151)),
        example(152, Reason.MEDIA_SEGMENTS_IN_BOTH_SPLITS),
    ]
    step = next(one for one in steps_of(examples) if one.why.startswith("Leave out"))
    assert "2 duplicates and validation examples" in step.why
    wanted = {"drop_duplicates": True, "drop_leaks": "validation"}
    assert options_of(step) == AGAIN | wanted | {"output": "gs://example-bucket/checked-distinct"}
    (step,) = [one for one in steps_of(examples, drop_leaks="train") if one.why.startswith("Leave out")]
    assert options_of(step)["drop_leaks"] == "train"
    assert "validation" not in step.why
    assert not any(
        one.why.startswith("Leave out") for one in steps_of(examples, drop_duplicates=True, drop_leaks="train")
    )


@pytest.mark.parametrize("uri", ["/data/a.mp4", "file:///data/a.mp4", "./a.mp4"])
def test_local_media_can_be_checked_before_they_are_uploaded(uri: str) -> None:
    examples = [example(n, Reason.FILE_URI_UNSUPPORTED, uri=uri) for n in range(1, 5)]
    step = steps_of(examples)[0]
    assert options_of(step)["allow_local_media"] is True
    assert not any("allow_local" in one.command.replace("--allow_local_media", "", 1) for one in steps_of(examples))
    assert all("Check media" not in one.why for one in steps_of(examples, allow_local_media=True))


def test_other_schemes_are_no_local_media() -> None:
    examples = [example(n, Reason.FILE_URI_UNSUPPORTED, uri="ftp://example.com/a.mp4") for n in range(1, 5)]
    assert all("allow_local_media" not in step.command for step in steps_of(examples))


def test_private_addresses_can_be_allowed() -> None:
    examples = [example(n, Reason.MEDIA_ADDRESS_BLOCKED) for n in range(1, 5)]
    assert options_of(steps_of(examples)[0])["allow_private_addresses"] is True
    assert all("private" not in step.command for step in steps_of(examples, allow_private_addresses=True))


def test_a_ready_set_in_a_bucket_is_sent() -> None:
    step, *others = steps_of([example(n) for n in range(1, 5)])
    assert step.command == "beam-tuning tune gs://example-bucket/checked"
    assert others == []


def test_a_ready_set_on_disk_is_copied_to_a_bucket_first() -> None:
    assert OUTPUTS[0].path == "train.jsonl"
    step = steps_of([example(n) for n in range(1, 5)], output="/data/out dir")[0]
    assert step.command == "beam-tuning tune '/data/out dir' --upload gs://BUCKET/FOLDER"


def test_the_reason_that_brings_the_most_back_is_shown() -> None:
    both = (Reason.VIDEO_TOO_LONG, Reason.VIDEO_TOO_LARGE)
    examples = [*(example(n, *both) for n in range(1, 9)), *(example(n, Reason.MEDIA_NOT_FOUND) for n in range(9, 12))]
    step = steps_of(examples)[-1]
    assert step.command == "beam-tuning show gs://example-bucket/checked --code MEDIA_NOT_FOUND"
    assert "brings 3 back" in step.why


MENDABLE = sorted(
    (reason for reason in MENDED.union(*(edit.mends for edit in EDITS)) if reason.outcome is not Outcome.ADVICE),
    key=lambda reason: reason.code,
)


@pytest.mark.parametrize("reason", MENDABLE, ids=lambda reason: reason.code)
def test_a_reason_that_repair_knows_to_correct_says_so_and_has_its_plan_as_a_next_step(reason: Reason) -> None:
    assert "`beam-tuning repair" in reason.remedy
    (step,) = [one for one in steps_of([example(1), example(2, reason)]) if " repair " in one.command]
    assert step.command.endswith(
        "repair gs://example-bucket/checked --output gs://example-bucket/checked-repaired --plan"
    )


def test_advice_and_tolerated_reasons_are_nothing_to_mend() -> None:
    assert all("show" not in step.command for step in steps_of([example(1, Reason.FIELD_UNKNOWN)]))


def test_there_are_never_more_than_a_few() -> None:
    examples = [
        example(1),
        example(2, resolution=HIGH),
        example(3, Reason.MEDIA_TIMED_OUT),
        example(4, Reason.FILE_URI_UNSUPPORTED, uri="/a"),
        example(5, Reason.MEDIA_ADDRESS_BLOCKED),
        example(6, Reason.VIDEO_TOO_LONG),
    ]
    assert len(steps_of(examples)) == MOST_STEPS


def test_nothing_at_all_has_no_next_step_that_needs_files() -> None:
    assert steps_of([], train=()) == []


HARD = "a b'c\"$(touch x)`;|&*?[]{}%,\\~\n\t\u202e\x9b31m\u00e9\U0001f600"


@pytest.mark.parametrize("text", ["", "plain", HARD, "-rf", "$'x'", "a\u2028b", "\U000e0041"])
def test_a_shell_reads_a_quoted_text_as_it_is(text: str) -> None:
    assert not set(quoted(text)) & set("\n\t\x9b\u202e")
    said = subprocess.run(
        ["bash", "-c", f"printf %s {quoted(text)}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert said.stdout.decode() == text


@settings(max_examples=60)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12))
def test_so_it_reads_any_text(text: str) -> None:
    said = subprocess.run(
        ["bash", "-c", f"printf %s {quoted(text)}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert said.stdout.decode() == text


def test_values_that_look_like_options_stay_values() -> None:
    options = {"train": ["-a.jsonl", "b.jsonl"], "output": "--out", "model": "m", "epochs": 2}
    parsed = parse(VALIDATE, shlex.split(validate_command(options, tuple(options)))[2:])
    assert (parsed.train, parsed.output, parsed.epochs) == (("-a.jsonl", "b.jsonl"), "--out", 2)


def line_at(resolution: str | None) -> str:
    made: dict[str, Any] = {"contents": [{"role": role, "parts": [text(role)]} for role in ("user", "model")]}
    if resolution:
        made["generationConfig"] = {"mediaResolution": resolution}
    return json.dumps(made) + "\n"


def test_the_command_on_the_terminal_makes_the_set_ready(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a person would: check, copy the command, check again."""
    dataset = tmp_path / "my data"
    dataset.mkdir()
    (dataset / "train.jsonl").write_text(line_at(LOW) * 30 + line_at(HIGH) * 2)
    options = ("--resolution_scope=all", "--fail_on=cleaned", "--model=gemini-2.5-flash", ANY_DAY)
    assert main(["validate", f"--train={dataset}/train.jsonl", f"--output={tmp_path}/checked", *options]) == 3
    told = capsys.readouterr().out
    command, *_ = [line.strip() for line in told.splitlines() if line.strip().startswith("beam-tuning validate")]
    assert "--set_media_resolution" in command
    assert main(shlex.split(command)[1:]) == 0
    told = capsys.readouterr().out
    assert "Cleaned   ready" in told
    assert json.loads((tmp_path / "checked-low/tuning_job.json").read_bytes())["baseModel"] == "gemini-2.5-flash"
    assert '"trainingDatasetUri":"gs://BUCKET/train.jsonl"' in told
