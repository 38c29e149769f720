"""The rows of options, and the command lines that they give."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.command_line import parse
from beam_tuning.commands import COMMANDS, load, shared_options
from beam_tuning.errors import OptionError
from beam_tuning.options import Command, Kind, Option
from beam_tuning.pipelines.validate_options import ValidateOptions

REQUIRED = ["--train", "a.jsonl", "--output", "out", "--model", "gemini-2.5-flash"]
ALL = [load(name) for name in COMMANDS]
ROWS = [(command, option) for command in ALL for option in command.options]
VALIDATE = load("validate")


def validate(*words: str) -> argparse.Namespace:
    return parse(VALIDATE, words)


def test_the_rows_of_validate_are_the_fields_of_its_options() -> None:
    """But for how the result is printed, and which of them were given."""
    fields = set(ValidateOptions.__struct_fields__)
    assert {option.name for option in VALIDATE.options} - {"json"} == fields - {"given"}


def test_no_option_takes_a_name_of_beam() -> None:
    parser = _BeamArgumentParser(add_help=False)
    for options in {str(options): options for options in PipelineOptions.__subclasses__()}.values():
        options._add_argparse_args(parser)
    beams = {name for action in parser._actions for name in action.option_strings}
    assert not beams & {option.flag for command, option in ROWS if command.takes_beam_options}


def test_options_of_several_commands_are_declared_once() -> None:
    shared = {row.name: row for row in vars(shared_options).values() if isinstance(row, Option)}
    users: dict[str, list[Option]] = {}
    for _, option in ROWS:
        if not option.is_positional:
            users.setdefault(option.name, []).append(option)
    for name, rows in users.items():
        if len(rows) > 1 and name != "epochs":  # validate estimates the cost of 1; tune leaves it to the service
            # A command may say in other words, and under another heading, what a row is for it.
            as_shared = [row._replace(help="", group="", required=False) for row in rows]
            assert set(as_shared) == {shared[name]._replace(help="", group="", required=False)}, name


@pytest.mark.parametrize(("command", "option"), ROWS, ids=lambda one: one.name)
def test_every_option_can_be_understood_from_its_help(command: Command, option: Option) -> None:
    assert option.help.endswith(".")
    assert option.kind is not Kind.CHOICE or option.choices
    assert option.default is None or option.kind is Kind.FLAG or option.value(str(option.default)) == option.default
    if command.template and option.in_template:
        assert option.label


def test_defaults_are_those_of_the_table() -> None:
    given_ = validate(*REQUIRED)
    assert given_.beam_arguments == []
    for option in VALIDATE.options:
        if not option.required:
            assert getattr(given_, option.name) == option.default


def test_patterns_are_split_at_commas_and_trimmed_and_add_up() -> None:
    words = ["--validation", " a , gs://b/*.jsonl,, ", "--validation=c"]
    assert validate(*REQUIRED, *words).validation == ("a", "gs://b/*.jsonl", "c")


@pytest.mark.parametrize("spelling", ["--trust_cache", "--trust-cache", "--trust_cache=true", "--trust-cache=True"])
def test_flags_are_given_as_people_and_as_templates_give_them(spelling: str) -> None:
    assert validate(*REQUIRED, spelling).trust_cache is True
    assert validate(*REQUIRED, "--trust_cache=false").trust_cache is False


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("LOW", "MEDIA_RESOLUTION_LOW"),
        ("low", "MEDIA_RESOLUTION_LOW"),
        ("Medium", "MEDIA_RESOLUTION_MEDIUM"),
        ("HIGH", "MEDIA_RESOLUTION_HIGH"),
        ("media_resolution_high", "MEDIA_RESOLUTION_HIGH"),
        ("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_LOW"),
        ("Majority", "majority"),
    ],
)
def test_a_media_resolution_is_taken_as_people_write_it(text: str, value: str) -> None:
    assert validate(*REQUIRED, "--media_resolution", text).media_resolution == value


@pytest.mark.parametrize("folder", ["out/", "/", "gs://bucket/out//", "a[1]*?", "a,b"])
def test_folders_are_handed_on_as_they_are_typed(folder: str) -> None:
    assert validate(*REQUIRED, f"--output={folder}").output == folder


def test_beams_own_options_are_passed_on() -> None:
    beam_arguments = ["--runner=DataflowRunner", "--project", "p", "--experiments=a", "--experiments=b"]
    assert validate(*beam_arguments, *REQUIRED).beam_arguments == beam_arguments


@pytest.mark.parametrize(
    ("arguments", "where", "words"),
    [
        (["--modle", "x"], "--modle", "Did you mean --model"),
        (["--trian=x"], "--trian", "Did you mean --train"),
        (["--runer=DataflowRunner"], "--runer", "Did you mean --runner"),
        (["--qqqq"], "--qqqq", "validate --help"),
        (["stray.jsonl"], None, "stray.jsonl"),
        (["train=x"], None, "Did you mean --train"),
        (["–train=x"], None, "Did you mean --train"),  # the dash that word processors make of two
        (["--length_basis", "clip"], "--length_basis", "segment, file"),
        (["--length_basis", "segmnt"], "--length_basis", "Did you mean segment"),
        (["--media_resolution", "LOWEST"], "--media_resolution", "MEDIA_RESOLUTION_LOW"),
        (["--probe_threads", "0"], "--probe_threads", "a whole number from 1 to 999"),
        (["--probe_threads", "1000"], "--probe_threads", "a whole number from 1 to 999"),
        (["--probe_threads", "٣"], "--probe_threads", "a whole number from 1 to 999"),
        (["--probe_threads", "9" * 5000], "--probe_threads", "a whole number from 1 to 999"),
        (["--epochs", "1.5"], "--epochs", "a whole number from 1 to 999"),
        (["--price_per_million_tokens", "-1"], "--price_per_million_tokens", "US dollars"),
        (["--price_per_million_tokens", "nan"], "--price_per_million_tokens", "US dollars"),
        (["--price_per_million_tokens", "1e999"], "--price_per_million_tokens", "US dollars"),
        (["--overwrite=maybe"], "--overwrite", "true, false"),
        (["--train", " , "], "--train", "Give GLOB"),
        (["--output="], "--output", "Give DIR"),
        (["--output", "  "], "--output", "Give DIR"),
        (["--limits="], "--limits", "leave --limits out"),
        (["--validation="], "--validation", "leave --validation out"),
        (["--dry_run"], "--dry_run", "--name=value"),
        (["--num_workers=lots"], "--num_workers", "lots"),
        (["--model"], "--model", "--model=NAME"),
        (["--probe_cache=a\0b"], "--probe_cache", "NUL"),
        (["--output=a\udcffb"], "--output", "UTF-8"),
        (["--overwrite=\udcff"], "--overwrite", "UTF-8"),
        (["--labels=a\0b"], "--labels", "NUL"),
        (["--l\udcffabels=a"], None, "UTF-8"),
        (["a\0b"], None, "NUL"),
    ],
)
def test_what_cannot_be_used_is_said_where_it_is_with_a_remedy(
    arguments: list[str], where: str | None, words: str
) -> None:
    with pytest.raises(OptionError) as caught:
        validate(*REQUIRED, *arguments)
    error = caught.value
    assert error.where == (where or "the command line")
    assert words in str(error)
    assert error.remedy
    assert error.exit_code == 2
    assert str(error).encode()
    assert len(str(error)) < 1000


@pytest.mark.parametrize(
    ("arguments", "option", "pattern"),
    [
        (["--train", "a.jsonl", "b.jsonl"], "--train", "'*.jsonl'"),
        (["--train", "d/a.jsonl", "d/b.jsonl", "d/c.jsonl"], "--train", "'d/*.jsonl'"),
        (["--validation", "my data/a.gz", "my data/b.gz", "--overwrite"], "--validation", "'my data/*.gz'"),
    ],
)
def test_a_glob_that_the_shell_has_expanded(arguments: list[str], option: str, pattern: str) -> None:
    with pytest.raises(OptionError) as caught:
        validate(*arguments, *REQUIRED)
    assert caught.value.where == option
    assert caught.value.remedy is not None
    assert "Quote the pattern" in caught.value.remedy
    assert caught.value.remedy.endswith(f"{option} {pattern}")


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner", "PortableRunner"])
def test_a_job_servers_own_options_are_left_to_it(runner: str) -> None:
    own = [f"--runner={runner}", "--execution_mode_for_batch=BATCH_FORCED", "--max_bundle_size=10"]
    assert validate(*REQUIRED, *own).beam_arguments == own


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runner=FlinkRunner", "--trian=x"], "Did you mean --train"),
        (["--runner=FlinkRunner", "--paralellism=2"], "Did you mean --parallelism"),
        (["--runner=FlinkRunner", "stray.jsonl"], "stray.jsonl"),
        (["--runner=FlinkRunner", "--max_bundle_size", "10"], "--name=value"),
        (["--runner=PrismRunner", "--max_bundle_size=10"], "neither"),
        (["--runner=DataflowRunner", "--execution_mode_for_batch=BATCH_FORCED"], "neither"),
    ],
)
def test_what_no_job_server_can_have_meant(arguments: list[str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        validate(*REQUIRED, *arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize("missing", ["--train", "--output", "--model"])
def test_required_options_are_required(missing: str) -> None:
    position = REQUIRED.index(missing)
    with pytest.raises(OptionError, match="missing") as caught:
        validate(*REQUIRED[:position], *REQUIRED[position + 2 :])
    assert caught.value.where == missing
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith(f"Give {missing} ")


def test_all_missing_options_are_named_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        validate("--model=m")
    assert caught.value.where == "--train, --output"


def positional(name: str, **more: Any) -> Option:
    return Option(name, "arguments", Kind.TEXT, "It.", metavar=name.upper(), is_positional=True, **more)


CODE = Option("code", "arguments", Kind.TEXT, "A code.", metavar="CODE")
COPY = Command((positional("source", required=True), positional("target"), CODE), lambda _: 0, name="copy")
BEAM_COPY = COPY._replace(takes_beam_options=True)
LIST = Command((positional("uri", required=True, is_list=True), CODE), lambda _: 0, name="list")


@pytest.mark.parametrize(
    ("words", "source", "target", "code"),
    [
        (["a"], "a", None, None),
        (["a", "b"], "a", "b", None),
        (["--code", "x", "a", "b"], "a", "b", "x"),
        (["a", "--code", "x", "b"], "a", "b", "x"),
        (["a", "b", "--code=x"], "a", "b", "x"),
        (["--code=x", "--", "-a", "--b"], "-a", "--b", "x"),
        (["--target=b", "a"], "a", "b", None),
        (["--source=a", "b"], "a", "b", None),
        (["-"], "-", None, None),
    ],
)
def test_positional_arguments_stand_anywhere(
    words: list[str], source: str, target: str | None, code: str | None
) -> None:
    values = parse(COPY, words)
    assert (values.source, values.target, values.code) == (source, target, code)
    values = parse(BEAM_COPY, [*words[:-1], "--project", "a", words[-1]] if "--" not in words else words)
    assert (values.source, values.target, values.code) == (source, target, code)
    assert values.beam_arguments == ([] if "--" in words else ["--project", "a"])


def test_a_list_of_positional_arguments_takes_all_of_them() -> None:
    assert parse(LIST, ["a,b", "--code=x", "c"]).uri == ("a,b", "c")
    with pytest.raises(OptionError, match="missing"):
        parse(LIST, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a required argument is missing"),
        (["a", "b", "c"], "belongs to no option"),
        (["a", "--colour", "red"], "copy does not have such an option"),
        (["a", ""], "empty"),
        (["a", "--code"], "needs a value"),
    ],
)
def test_positional_arguments_that_cannot_be_used(words: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse(COPY, words)


WORDS = st.one_of(
    st.sampled_from(
        ["--train", "--output=o", "--model", "--epochs", "--overwrite", "--", "-", "--runner", "--x=1", "-x"]
    ),
    st.text(st.characters(), max_size=5),
    st.builds("--{}={}".format, st.sampled_from([option.name for option in VALIDATE.options]), st.text(max_size=5)),
)


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=6), st.sampled_from(ALL))
def test_any_words_are_taken_or_refused_in_our_words(words: list[str], command: Command) -> None:
    values, refused = None, None
    try:
        values = parse(command, words)
    except OptionError as error:
        refused = error
    if refused is not None:
        assert refused.where
        assert refused.remedy
        assert str(refused).encode()
    else:
        assert set(vars(values)) == {option.name for option in command.options} | {"beam_arguments"}
