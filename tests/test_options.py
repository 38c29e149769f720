"""The option table and the command line that it gives."""

from __future__ import annotations

import argparse

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from beam_tuning.command_line import add_options, parse_validate
from beam_tuning.errors import OptionError
from beam_tuning.options import OPTIONS, Kind, ValidateOptions

REQUIRED = ["--train", "a.jsonl", "--output", "out", "--model", "gemini-2.5-flash"]


def test_the_table_and_the_parsed_options_have_the_same_names() -> None:
    assert {option.name for option in OPTIONS} == set(ValidateOptions.__struct_fields__)


def test_no_option_takes_a_name_of_beam() -> None:
    parser = _BeamArgumentParser(add_help=False)
    for options in {str(options): options for options in PipelineOptions.__subclasses__()}.values():
        options._add_argparse_args(parser)
    beams = {name for action in parser._actions for name in action.option_strings}
    ours = argparse.ArgumentParser(add_help=False)
    add_options(ours)
    assert not beams & {name for action in ours._actions for name in action.option_strings}


def test_defaults_are_those_of_the_table() -> None:
    options, beam_arguments = parse_validate(REQUIRED)
    assert beam_arguments == []
    for option in OPTIONS:
        if not option.required and option.name not in ("validation", "tolerate"):
            assert getattr(options, option.name) == option.default
    assert options.validation == ()
    assert options.tolerate == ()


def test_patterns_are_split_at_commas_and_trimmed() -> None:
    options, _ = parse_validate([*REQUIRED, "--validation", " a , gs://b/*.jsonl,, "])
    assert options.validation == ("a", "gs://b/*.jsonl")


@pytest.mark.parametrize("spelling", ["--trust_cache", "--trust-cache", "--trust_cache=true", "--trust-cache=True"])
def test_flags_are_given_as_people_and_as_templates_give_them(spelling: str) -> None:
    assert parse_validate([*REQUIRED, spelling])[0].trust_cache is True
    assert parse_validate([*REQUIRED, "--trust_cache=false"])[0].trust_cache is False


def test_beams_own_options_are_passed_on() -> None:
    beam_arguments = ["--runner=DataflowRunner", "--project", "p", "--experiments=a", "--experiments=b"]
    assert parse_validate([*beam_arguments, *REQUIRED])[1] == beam_arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--modle", "x"], "did you mean --model"),
        (["--trian=x"], "did you mean --train"),
        (["--runer=DataflowRunner"], "--runner"),
        (["stray.jsonl"], "stray.jsonl"),
        (["--length_basis", "clip"], "invalid choice"),
        (["--media_resolution", "LOW"], "invalid choice"),
        (["--probe_threads", "0"], "whole number"),
        (["--probe_threads", "1000"], "whole number"),
        (["--epochs", "1.5"], "whole number"),
        (["--max_expansion", "0"], "whole number from 1 to 9999"),
        (["--max_expansion", "10000"], "whole number from 1 to 9999"),
        (["--max_expansion", "9" * 5000], "whole number from 1 to 9999"),
        (["--price_per_million_tokens", "-1"], "US dollars"),
        (["--price_per_million_tokens", "nan"], "US dollars"),
        (["--overwrite=maybe"], "neither true nor false"),
        (["--train", " , "], "no training files"),
        (["--dry_run"], "expected one argument"),
    ],
)
def test_what_cannot_be_used_is_said_with_a_remedy(arguments: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=f"(?i){message}") as caught:
        parse_validate([*REQUIRED, *arguments])
    assert caught.value.remedy
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner", "PortableRunner"])
def test_a_job_servers_own_options_are_left_to_it(runner: str) -> None:
    own = [f"--runner={runner}", "--execution_mode_for_batch=BATCH_FORCED", "--max_bundle_size=10"]
    _, beam_arguments = parse_validate([*REQUIRED, *own])
    assert beam_arguments == own


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runner=FlinkRunner", "--trian=x"], "did you mean --train"),
        (["--runner=FlinkRunner", "--paralellism=2"], "did you mean --parallelism"),
        (["--runner=FlinkRunner", "stray.jsonl"], "stray.jsonl"),
        (["--runner=FlinkRunner", "--max_bundle_size", "10"], "--name=value"),
        (["--runner=PrismRunner", "--max_bundle_size=10"], "neither"),
        (["--runner=DataflowRunner", "--execution_mode_for_batch=BATCH_FORCED"], "neither"),
    ],
)
def test_what_no_job_server_can_have_meant(arguments: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=f"(?i){message}"):
        parse_validate([*REQUIRED, *arguments])


@pytest.mark.parametrize("missing", ["--train", "--output", "--model"])
def test_required_options_are_required(missing: str) -> None:
    position = REQUIRED.index(missing)
    with pytest.raises(OptionError, match=missing):
        parse_validate(REQUIRED[:position] + REQUIRED[position + 2 :])


def test_every_option_can_be_understood_from_its_help() -> None:
    for option in OPTIONS:
        assert option.help.endswith(".")
        assert option.label
        assert option.kind is not Kind.CHOICE or option.default in option.choices
