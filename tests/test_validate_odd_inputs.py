"""Datasets that are not as they should be: nothing is lost, nothing stops the rest, no traceback reaches a person."""

from __future__ import annotations

import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from beam_tuning.cli import main
from beam_tuning.pipelines import run as pipelines_run


def example(text: str = "What is said?") -> bytes:
    contents = [
        {"role": "user", "parts": [{"text": text}]},
        {"role": "model", "parts": [{"text": "Nothing."}]},
    ]
    return json.dumps({"contents": contents}).encode()


#: A run is of today, and models have an end.
ANY_DAY = "--tolerate=MODEL_PAST_RETIREMENT"


def run(folder: Path, *more: str, model: str = "gemini-2.5-flash") -> tuple[int, Path]:
    output = folder / "out"
    arguments = [f"--train={folder}/*.jsonl*", f"--output={output}", f"--model={model}", ANY_DAY]
    return main(["validate", *arguments, *more]), output


def report_of(output: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((output / "report.json").read_bytes())
    return document


@pytest.fixture
def no_traceback(capfd: pytest.CaptureFixture[str]) -> Any:
    yield
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err


pytestmark = pytest.mark.usefixtures("no_traceback")


def test_a_sound_dataset_is_ready_to_tune(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"".join(example(str(number)) + b"\n" for number in range(20)))
    code, output = run(tmp_path)
    assert code == 0
    assert (output / "train.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    job = json.loads((output / "tuning_job.json").read_bytes())
    assert job["baseModel"] == "gemini-2.5-flash"


def test_line_ends_blank_lines_and_a_byte_order_mark_are_no_faults(tmp_path: Path) -> None:
    body = b"\xef\xbb\xbf" + example("1") + b"\r\n\r\n" + example("2") + b"\n   \n\t\n" + example("3")
    (tmp_path / "a.jsonl").write_bytes(body)
    code, output = run(tmp_path)
    assert code == 0
    assert (output / "train.jsonl").read_bytes() == example("1") + b"\r\n" + example("2") + b"\n" + example("3") + b"\n"
    assert report_of(output)["splits"]["train"]["blank_lines"] == 3


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("short.jsonl.gz", gzip.compress(b"".join(example(str(n)) + b"\n" for n in range(999)))[:-9], "TRUNCATED"),
        ("array.jsonl", b"[\n" + example() + b",\n" + example() + b"\n]\n", "NOT_JSON_LINES"),
        ("pretty.jsonl", json.dumps(json.loads(example()), indent=2).encode(), "NOT_JSON_LINES"),
        ("utf16.jsonl", example().decode().encode("utf-16"), "NOT_JSON_LINES"),
        ("squeezed.jsonl", b"\x28\xb5\x2f\xfd" + bytes(99), "NOT_JSON_LINES"),
        ("table.jsonl", b"question,answer\nwhy,so\n", "NOT_JSON_LINES"),
        ("wrapped.jsonl", json.dumps({"data": [json.loads(example())] * 2}).encode(), "NOT_JSON_LINES"),
        ("bomb.jsonl.gz", gzip.compress(b"\n" * 2_000_000), "EXPANDS_TOO_FAR"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_judged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, body: bytes, code: str
) -> None:
    (tmp_path / "good.jsonl").write_bytes(example() + b"\n")
    (tmp_path / name).write_bytes(body)
    exit_code, output = run(tmp_path)
    assert exit_code == 2
    assert name in capfd.readouterr().out
    report = report_of(output)
    findings = report["readiness"]["as_given"]["findings"]
    assert [finding["code"] for finding in findings if finding["code"].startswith("INPUT_FILE")] == [
        f"INPUT_FILE_{code}"
    ]
    assert report["splits"]["train"]["kept"] >= 1
    assert not any(row["code"] == "LINE_NOT_JSON" for row in report["reasons"])
    assert not (output / "manifest.json").exists()
    assert not (output / "train.jsonl").exists()


def test_a_file_that_changes_before_it_is_read_leaves_no_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(example(str(number)) + b"\n" for number in range(20)))

    def prepare_then_shrink(*arguments: Any, **options: Any) -> Any:
        claim = prepare(*arguments, **options)
        path.write_bytes(example() + b"\n")
        return claim

    prepare = pipelines_run.claim_folder
    monkeypatch.setattr(pipelines_run, "claim_folder", prepare_then_shrink)
    code, output = run(tmp_path)
    assert code == 2
    findings = report_of(output)["readiness"]["as_given"]["findings"]
    assert "INPUT_FILE_CHANGED" in [finding["code"] for finding in findings]
    assert not (output / "manifest.json").exists()
    assert not (output / "train.jsonl").exists()
    assert "a.jsonl" in capfd.readouterr().out


OTHER_FORMATS: list[dict[str, Any]] = [
    {"text_input": "one", "output": "two"},
    {"input": {"image": "a.jpg"}, "output": "A cat."},
    {"text": "A chunk of text."},
    {"prompt": "q", "chosen": "good", "rejected": "bad"},
    {"contents": [{"role": "user", "parts": [{"text": "Rate this."}]}], "response": "{}"},
    {"contents": [{"role": "user", "content": "Rate this."}, {"role": "assistant", "content": "good"}]},
    {"Contents": []},
]


def test_no_reason_given_for_another_format_says_to_leave_the_answer_out(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in OTHER_FORMATS))
    code, output = run(tmp_path)
    assert code == 3
    reasons = [row["code"] for row in report_of(output)["reasons"]]
    assert "LINE_IS_OTHER_FORMAT" in reasons
    assert "FIELD_UNKNOWN" not in reasons


def test_blank_lines_cost_little_and_count(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n" * 2_000_000 + example("1") + b"\n \r\n" + b"[]" + b"\n" * 1_000_000)
    code, output = run(tmp_path)
    assert code == 3
    assert report_of(output)["splits"]["train"]["blank_lines"] == 3_000_000
    rejected = json.loads((output / "train" / "dropped-00000-of-00001.jsonl").read_bytes())
    assert rejected["source"]["line"] == 2_000_003


def test_byte_order_marks_of_joined_files_are_taken_off(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    (tmp_path / "a.jsonl").write_bytes(mark + example("1") + b"\n" + mark + example("2") + b"\n")
    code, output = run(tmp_path)
    assert code == 0
    assert (output / "train.jsonl").read_bytes() == example("1") + b"\n" + example("2") + b"\n"


def test_a_pattern_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_bytes(example() + b"\n")
    assert main(["validate", "--train", "*.jsonl", "--output=out", "--model=gemini-2.5-flash", ANY_DAY]) == 0
    assert report_of(Path("out"))["inputs"][0]["path"] == "a.jsonl"


def test_lines_that_come_through_a_pipe_are_refused_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, example() + b"\n")
        options = [f"--train=/dev/fd/{reader}", f"--output={tmp_path}/out", "--model=gemini-2.5-flash"]
        assert main(["validate", *options]) == 2
    finally:
        os.close(reader)
        os.close(writer)
    error = capfd.readouterr().err
    assert "this is a pipe, not a file" in error
    assert "remedy" in error
    assert not (tmp_path / "out").exists()


def test_an_empty_dataset_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n\n")
    code, output = run(tmp_path)
    assert code == 3
    assert [finding["code"] for finding in report_of(output)["readiness"]["cleaned"]["findings"]] == ["DATASET_EMPTY"]
    assert not (output / "train.jsonl").exists()
    assert (output / "manifest.json").exists()


def test_two_thousand_small_shards_become_one(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"part-{number:04d}.jsonl").write_bytes(example(str(number)) + b"\n")
    code, output = run(tmp_path)
    assert code == 0
    assert [path.name for path in (output / "train").glob("kept-*")] == ["kept-00000-of-00001.jsonl"]
    assert (output / "train.jsonl").read_bytes() == b"".join(example(str(number)) + b"\n" for number in range(2000))


def test_a_line_of_50_mb_costs_that_line_only(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(example("1") + b"\n" + example("x" * 50_000_000) + b"\n" + example("2") + b"\n")
    code, output = run(tmp_path)
    assert code == 3
    report = report_of(output)
    assert {row["code"]: row["examples"] for row in report["reasons"]} == {"LINE_TOO_LONG": 1}
    assert (output / "train.jsonl").read_bytes() == example("1") + b"\n" + example("2") + b"\n"
    assert (output / "train" / "dropped-00000-of-00001.jsonl").stat().st_size > 50_000_000


def media(uri: bytes) -> bytes:
    return b'{"contents": [{"parts": [{"fileData": {"mimeType": "video/mp4", "fileUri": "' + uri + b'"}}]}]}'


HOSTILE = {
    "deep nesting": b"[" * 200_000,
    "deep objects": b'{"contents":' * 100_000,
    "deep and closed": b'{"contents":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a huge number": b'{"contents": 1e999999999}',
    "many digits": b'{"contents": ' + b"9" * 100_000 + b"}",
    "NaN": b'{"contents": NaN}',
    "a lone surrogate": media(b"gs://b/\\ud800"),
    "NUL in a URI": media(b"gs://b/\\u0000"),
    "no UTF-8": b'{"contents": "\xff\xfe"}',
    "binary": bytes(range(256)).replace(b"\n", b""),
    "a URI of a megabyte": media(b"gs://b/" + b"x" * 1_000_000),
    "many keys": b"{" + b",".join(b'"k%d": 1' % number for number in range(50_000)) + b"}",
    "many parts": b'{"contents": [{"parts": [' + b",".join([b"{}"] * 50_000) + b"]}]}",
    "a string": b'"contents"',
    "two values": b"{} {}",
    "a path of this machine": media(b"/etc/passwd"),
    "an internal address": media(b"http://169.254.169.254/"),
}


def test_hostile_lines_are_dropped_one_by_one_and_stop_nothing(tmp_path: Path) -> None:
    lines = [example("1"), *HOSTILE.values(), example("2")]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    code, output = run(tmp_path)
    assert code == 3
    counts = report_of(output)["splits"]["train"]
    assert counts["read"] == len(lines)
    assert (counts["kept"], counts["undecided"]) == (2, 0)
    assert (output / "train.jsonl").read_bytes() == example("1") + b"\n" + example("2") + b"\n"
    rejected = (output / "train" / "dropped-00000-of-00001.jsonl").read_bytes().splitlines()
    assert [json.loads(line, parse_int=float)["source"]["line"] for line in rejected] == list(range(2, len(lines)))


def test_fuzzed_lines_never_break_a_run(tmp_path: Path) -> None:
    chance = random.Random(20260822)
    sound = example("some text").replace(b"Nothing.", b'\\u00e9 \\"quoted\\"')
    lines = []
    for _ in range(3000):
        line = bytearray(sound)
        for _ in range(chance.randrange(1, 6)):
            position = chance.randrange(len(line))
            line[position : position + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        lines.append(bytes(line).replace(b"\n", b" "))
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    code, output = run(tmp_path)
    assert code == 3
    counts = report_of(output)["splits"]["train"]
    blank = sum(not line.strip() for line in lines)
    assert counts["read"] == len(lines) - blank
    assert counts["read"] == counts["kept"] + counts["dropped"] + counts["undecided"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--train={folder}/none*.jsonl", "--output={folder}/out", "--model=gemini-2.5-flash"], "matches no file"),
        (["--train={folder}/a.jsonl", "--output={folder}/out", "--model=gemini-2.5-flsh"], "Did you mean"),
        (["--train={folder}/a.jsonl", "--output={folder}", "--model=gemini-2.5-flash", ANY_DAY], None),
        (["--train={folder}/*.jsonl", "--output={folder}", "--model=gemini-2.5-flash"], "inside the input"),
        (["--train={folder}/a.jsonl", "--validation={folder}/*", "--output=o", "--model=gemini-2.5-flash"], "both"),
        (["--train={folder}/a.jsonl", "--output=o", "--model=gemini-2.5-flash", "--limits=none.toml"], "none.toml"),
        (["--train={folder}/a.jsonl", "--output=o", "--model=gemini-2.5-flash", "--probe_cache=none"], "media table"),
        (["--train={folder}/a.jsonl", "--output=o", "--model=gemini-2.5-flash", "--trust_cache"], "--probe_cache"),
        (
            ["--train={folder}/a.jsonl", "--output=o", "--model=gemini-2.5-flash", "--tolerate=LINE_NOT_JSON"],
            "tolerate",
        ),
        (["--output=o", "--model=gemini-2.5-flash"], "--train"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_bytes(example() + b"\n")
    code = main(["validate", *(argument.format(folder=tmp_path) for argument in arguments)])
    if message is None:
        assert code == 0
        return
    assert code == 2
    assert message in capfd.readouterr().err
    assert not list(tmp_path.rglob("report.json"))
