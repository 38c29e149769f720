"""`--rewrite_uri`: files on this machine are looked at, the kept lines name the bucket, and nothing else changes."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from gcs_emulator import GcsEmulator
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.cli import main
from beam_tuning.errors import OptionError
from beam_tuning.uri_rewriting import UriRewriting

MODEL = "gemini-3.5-flash"
PLACE = "gs://bucket/media/"
ROOT = Path(__file__).parents[1]


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.wav", "b c.wav", "sub/d.wav"):
        with wave.open(str(folder / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(16_000))
    (folder / "page.wav").write_text("<html>")
    return folder


def line_of(uri: str, answer: str = "Nothing.") -> bytes:
    """With odd spacing, an escaped slash and the URI in a text too: what may not change."""
    line = (
        '{ "contents" : [{"role":"user","parts":[{"file_data":{"mime_type":"audio/wav" , "file_uri" : ESCAPED}},'
        ' {"text":PLAIN}]},{"role":"model","parts":[{"text":ANSWER}]}]}'
    )
    line = line.replace("ESCAPED", json.dumps(uri).replace("/", "\\/")).replace("PLAIN", json.dumps(uri))
    return line.replace("ANSWER", json.dumps(answer)).encode()


def run(folder: Path, lines: list[bytes], *more: str) -> tuple[int, Any]:
    (folder / "train.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    argv = ["validate", f"--train={folder}/train.jsonl", f"--output={folder}/out", f"--model={MODEL}", *more]
    code = main(argv)
    report = folder / "out" / "report.json"
    return code, json.loads(report.read_bytes()) if report.exists() else None


def test_a_set_of_local_media_is_ready_and_only_the_uri_changes(tmp_path: Path, media: Path) -> None:
    names = ["a.wav", "b c.wav", "sub/d.wav"]
    lines = [line_of(f"{media}/{name}") for name in names]
    code, report = run(tmp_path, lines, "--allow_local_media", f"--rewrite_uri={media}/={PLACE}")
    assert code == 0
    assert report["readiness"]["cleaned"]["state"] == "ready"
    expected = [
        line.replace(json.dumps(f"{media}/{name}").replace("/", "\\/").encode(), f'"{PLACE}{name}"'.encode())
        for line, name in zip(lines, names, strict=True)
    ]
    assert (tmp_path / "out/train.jsonl").read_bytes().splitlines() == expected
    (table,) = (tmp_path / "out/verdicts").iterdir()
    rows = pq.read_table(table).to_pylist()
    assert [row["media"][0]["uri"] for row in rows] == [PLACE + name for name in names]
    assert {row["media"][0]["duration_s"] for row in rows} == {1.0}
    (probed,) = (tmp_path / "out/media").iterdir()
    assert sorted(pq.read_table(probed)["uri"].to_pylist()) == sorted(f"{media}/{name}" for name in names)
    (join,) = re.findall(r"^ +(JOIN 'media/.*)$", (ROOT / "docs/tables.md").read_text(), re.MULTILINE)
    join = (
        join.replace("'media/*.parquet'", f"'{probed}'").replace("'OLD'", f"'{media}/'").replace("'NEW'", f"'{PLACE}'")
    )
    joined = duckdb.sql(f"SELECT m.uri FROM (SELECT unnest(media) AS part FROM '{table}') {join}")
    assert joined is not None
    assert sorted(uri for (uri,) in joined.fetchall()) == sorted(f"{media}/{name}" for name in names)


def test_the_summary_says_how_the_media_get_there(
    tmp_path: Path, media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, [line_of(f"{media}/a.wav")], "--allow_local_media", f"--rewrite_uri={media}/={PLACE}")
    assert f"gcloud storage rsync --recursive {media}/ {PLACE}" in capsys.readouterr().out


def test_lines_that_are_not_kept_are_told_as_they_came(tmp_path: Path, media: Path) -> None:
    faulty = line_of(f"{media}/page.wav")
    code, report = run(
        tmp_path, [faulty, line_of(f"{media}/a.wav")], "--allow_local_media", f"--rewrite_uri={media}/={PLACE}"
    )
    assert code == 3
    (dropped,) = (tmp_path / "out/train").glob("dropped-*")
    row = dropped.read_bytes()
    assert faulty in row
    assert [reason["code"] for reason in json.loads(row)["reasons"]] == ["MEDIA_UNREADABLE"]
    assert report["splits"]["train"] | {"read": 2, "kept": 1, "dropped": 1} == report["splits"]["train"]


def test_a_sample_and_a_validation_set_are_of_rewritten_lines(tmp_path: Path, media: Path) -> None:
    for number in range(12):
        (media / f"{number}.wav").write_bytes((media / "a.wav").read_bytes())
    lines = [line_of(f"{media}/{number % 12}.wav", f"Answer {number}.") for number in range(60)]
    chosen = ("--max_examples=40", "--validation_split=0.2", "--seed=3")
    code, report = run(tmp_path, lines, *chosen, "--allow_local_media", f"--rewrite_uri={media}/={PLACE}")
    assert code == 0
    out = tmp_path / "out"
    split_of = {split: (out / f"{split}.jsonl").read_bytes().splitlines() for split in ("train", "validation")}
    left_out = [line for path in out.glob("train/sampled-out-*") for line in path.read_bytes().splitlines()]
    kept = [*split_of["train"], *split_of["validation"]]
    assert (len(kept), len(left_out)) == (40, 20)
    assert all(split_of.values())
    number_of = {json.loads(line)["contents"][1]["parts"][0]["text"]: line for line in (*kept, *left_out)}
    assert sorted(number_of) == sorted(f"Answer {number}." for number in range(60))
    for number in range(60):
        found = json.loads(number_of[f"Answer {number}."])["contents"][0]["parts"][0]["file_data"]["file_uri"]
        assert found == f"{PLACE}{number % 12}.wav"
    named = {
        split: {json.loads(line)["contents"][0]["parts"][0]["file_data"]["file_uri"] for line in of_split}
        for split, of_split in split_of.items()
    }
    assert named["train"] & named["validation"] == set()
    assert report["readiness"]["cleaned"]["state"] == "ready"


def test_what_no_prefix_fits_is_still_said_to_be_local(tmp_path: Path, media: Path) -> None:
    lines = [line_of(f"{media}/a.wav"), line_of(f"{media}/sub/d.wav")]
    code, report = run(tmp_path, lines, "--allow_local_media", f"--rewrite_uri={media}/sub/={PLACE}")
    assert code == 3
    (finding,) = report["readiness"]["cleaned"]["findings"]
    assert finding["code"] == "MEDIA_IS_LOCAL"
    assert "1 kept example refers" in finding["message"]
    assert "has 1 such file" in finding["message"]


def test_objects_may_move_from_bucket_to_bucket(tmp_path: Path, media: Path, gcs: GcsEmulator) -> None:
    gcs.put("gs://old/x/a.wav", (media / "a.wav").read_bytes())
    code, _ = run(tmp_path, [line_of("gs://old/x/a.wav")], "--rewrite_uri=gs://old/=gs://new-bucket/")
    assert code == 0
    assert b"gs://new-bucket/x/a.wav" in (tmp_path / "out/train.jsonl").read_bytes()


def test_the_result_is_the_same_with_worker_processes_of_its_own(tmp_path: Path, media: Path) -> None:
    lines = [line_of(f"{media}/{name}", str(number)) for number in range(50) for name in ("a.wav", "sub/d.wav")]
    options = ("--allow_local_media", f"--rewrite_uri={media}/={PLACE}")
    run(tmp_path, lines, *options)
    first = (tmp_path / "out/train.jsonl").read_bytes()
    run(tmp_path, lines, *options, "--overwrite", "--direct_running_mode=multi_processing", "--direct_num_workers=2")
    assert (tmp_path / "out/train.jsonl").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rewrite_uri=/data/"], "no OLD=NEW"),
        (["--rewrite_uri==gs://b/"], "no OLD=NEW"),
        (["--rewrite_uri=/data/=/other/"], "no OLD=NEW"),
        (["--rewrite_uri=/data/=s3://b/"], "no OLD=NEW"),
        (["--rewrite_uri=/data/=gs://"], "the new place"),
        (["--rewrite_uri=/data/=gs://B_/"], "the new place"),
        (["--rewrite_uri=/data/=gs://bucket/media"], "gs://bucket/media/"),
        (["--rewrite_uri=/a/=gs://bucket/1/,/a/=gs://bucket/2/"], "two places"),
        (["--rewrite_uri=/data/=gs://bucket/"], "Add --allow_local_media"),
        (["--rewrite_uri="], "the value is empty"),
    ],
)
def test_what_is_no_rule_is_refused_with_an_example(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, [b"{}"], *words)[0] == 2
    error = capsys.readouterr().err
    assert told in error
    assert "remedy" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("rules", "uri", "wanted"),
    [
        (["/a/=gs://bucket/x/", "/a/b/=gs://bucket/y/"], "/a/b/c.mp4", "gs://bucket/y/c.mp4"),
        (["/a/b/=gs://bucket/y/", "/a/=gs://bucket/x/"], "/a/c.mp4", "gs://bucket/x/c.mp4"),
        (["file:///a/=gs://bucket/x/"], "file:///a/b%20c.mp4", "gs://bucket/x/b c.mp4"),
        (["/a/=gs://bucket/x/"], "/a/b%20c.mp4", "gs://bucket/x/b%20c.mp4"),
        (["https://host.example/=gs://bucket/"], "https://host.example/b%20c.mp4?sig=1#t", "gs://bucket/b c.mp4"),
        (["a=b/=gs://bucket/x/"], "a=b/c.mp4", "gs://bucket/x/c.mp4"),
        (["/a/=gs://bucket/x/"], "/A/c.mp4", None),
        (["/a/=gs://bucket/x/"], "/a", None),
        (["/a/clip-=gs://bucket/x/"], "/a/clip-1.mp4", "gs://bucket/x/1.mp4"),
    ],
)
def test_the_longest_prefix_is_taken(rules: list[str], uri: str, wanted: str | None) -> None:
    assert UriRewriting.of(rules).get(uri) == wanted


@given(st.lists(st.text(max_size=12), max_size=4), st.text(max_size=30))
def test_any_rules_are_taken_or_refused(rules: list[str], uri: str) -> None:
    try:
        rewriting = UriRewriting.of([f"{rule}=gs://bucket/" for rule in rules])
    except OptionError:
        return
    assert (rewriting.get(uri) is None) is not any(uri.startswith(rule) for rule in rules)


@given(st.binary(max_size=200))
def test_a_line_that_is_no_json_does_no_harm(line: bytes) -> None:
    assert isinstance(UriRewriting.of(["a=gs://bucket/"]).line(line), bytes)


def test_verify_asks_for_the_media_where_the_kept_lines_name_them(
    tmp_path: Path, media: Path, gcs: GcsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line_of(f"{media}/{name}") for name in ("a.wav", "b c.wav", "sub/d.wav")]
    run(tmp_path, lines, "--allow_local_media", f"--rewrite_uri={media}/={PLACE}")
    gcs.put(f"{PLACE}a.wav", (media / "a.wav").read_bytes())
    gcs.put(f"{PLACE}sub/d.wav", b"another")
    capsys.readouterr()
    assert main(["verify", f"{tmp_path}/out", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    states = {change["asked_uri"]: change["state"] for change in document["changes"]}
    assert states == {f"{PLACE}b c.wav": "vanished", f"{PLACE}sub/d.wav": "changed"}
    assert document["objects"]["unchanged"] == 1
    assert document["examples_touched"] == 2


def test_verify_holds_the_checksum_of_a_local_file_against_that_of_its_copy(
    tmp_path: Path, media: Path, gcs: GcsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its size may be the same all the same; where the file is gone, nothing is claimed."""
    names = ["a.wav", "b c.wav", "sub/d.wav"]
    run(
        tmp_path,
        [line_of(f"{media}/{name}") for name in names],
        "--allow_local_media",
        f"--rewrite_uri={media}/={PLACE}",
    )
    sound = (media / "a.wav").read_bytes()
    for name, content in zip(names, (sound, sound[:-1] + b"1", sound), strict=True):
        gcs.put(PLACE + name, content)
    (media / "sub/d.wav").unlink()
    capsys.readouterr()
    assert main(["verify", f"{tmp_path}/out", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    (change,) = document["changes"]
    assert change["asked_uri"] == f"{PLACE}b c.wav"
    assert "checksum" in change["message"]
    assert (document["objects"]["unchanged"], document["objects"]["incomparable"]) == (1, 1)
    gcs.put(f"{PLACE}b c.wav", sound)
    assert main(["verify", f"{tmp_path}/out"]) == 0
    assert "is not known" in capsys.readouterr().out


def test_verify_compares_checksums_where_both_buckets_tell_them(
    tmp_path: Path, media: Path, gcs: GcsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = (media / "a.wav").read_bytes()
    for name in ("same.wav", "other.wav"):
        gcs.put(f"gs://old/{name}", sound)
    run(
        tmp_path, [line_of("gs://old/same.wav"), line_of("gs://old/other.wav")], "--rewrite_uri=gs://old/=gs://new-one/"
    )
    gcs.put("gs://new-one/same.wav", sound)
    gcs.put("gs://new-one/other.wav", sound[:-1] + b"1")
    capsys.readouterr()
    assert main(["verify", f"{tmp_path}/out", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert [change["asked_uri"] for change in document["changes"]] == ["gs://new-one/other.wav"]
    assert document["objects"]["unchanged"] == 1


def test_leaks_are_found_and_dropped_under_the_new_uris(tmp_path: Path, media: Path) -> None:
    (tmp_path / "validation.jsonl").write_bytes(line_of(f"{media}/a.wav", "Silence.") + b"\n")
    lines = [line_of(f"{media}/a.wav"), line_of(f"{media}/b c.wav")]
    (media / "b c.wav").write_bytes((media / "a.wav").read_bytes() + b"LIST\x04\0\0\0INFO")  # other bytes
    more = (f"--validation={tmp_path}/validation.jsonl", "--drop_leaks=train", "--allow_local_media")
    run(tmp_path, lines, f"--rewrite_uri={media}/={PLACE}", *more)
    kept = (tmp_path / "out/train.jsonl").read_bytes()
    assert kept.count(b"\n") == 1
    assert f"{PLACE}b c.wav".encode() in kept
    (dropped,) = (tmp_path / "out/train").glob("dropped-*.jsonl")
    assert "MEDIA_IN_BOTH_SPLITS" in dropped.read_text()
