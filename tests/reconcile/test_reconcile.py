"""`beam-tuning reconcile`: each index that a job names leads back to its line, and every disagreement is told."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from fake_tuning import JOB, PROJECT, REGION, FakeTuning, job_document
from finished_runs import make_run
from gcs_emulator import GcsEmulator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuning_lines import VIDEO_URI, Json, example, found_video, text, video

from beam_tuning.cli import main
from beam_tuning.finished_run.opening import FinishedRun, open_finished
from beam_tuning.reconcile.reconcile import reconcile as compare
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.tuning.job import convert_job

FOLDER = "gs://bucket/runs/checked"
#: After the run, which ended on 2026-09-21.
CREATED = "2026-09-22T08:00:00Z"


def lines(count: int, name: str) -> list[Json]:
    return [example(text(f"{name} {number}"), answer="word " * (number + 1)) for number in range(count)]


@pytest.fixture
def run(gcs: GcsEmulator) -> str:
    """Ten kept training examples in three files, with dropped and blank lines between; two validation examples."""
    gcs.create_bucket("bucket")
    make(FOLDER)
    return FOLDER


def make(folder: str, **more: Any) -> dict[str, Any]:
    a, b, c = lines(4, "a"), lines(3, "b"), lines(2, "c")
    train: dict[str, list[Any]] = {
        "/d/a.jsonl": [a[0], b"no JSON", a[1], b"", a[2], a[3]],
        "/d/b.jsonl": [b"[]", *b],
        "/d/c.jsonl": [c[0], b"  ", b"{}", c[1], example(video(), text("a clip"))],
    }
    return make_run(
        folder, {"train": train, "validation": {"/d/v.jsonl": lines(2, "v")}}, {VIDEO_URI: found_video()}, **more
    )


#: Where the lines of train.jsonl come from.
SOURCES = [
    ("/d/a.jsonl", 1),
    ("/d/a.jsonl", 3),
    ("/d/a.jsonl", 5),
    ("/d/a.jsonl", 6),
    ("/d/b.jsonl", 2),
    ("/d/b.jsonl", 3),
    ("/d/b.jsonl", 4),
    ("/d/c.jsonl", 1),
    ("/d/c.jsonl", 4),
    ("/d/c.jsonl", 5),
]


def tokens_of(folder: str) -> tuple[int, int]:
    with open_folder(folder).open("report.json") as stream:
        tokens = json.loads(stream.read())["tokens"]["splits"]["train"]
    return tokens["low"], tokens["high"]


def job(
    folder: str = FOLDER,
    *,
    dropped: int = 0,
    indices: list[int] | None = None,
    reasons: list[str] | None = None,
    stats: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A job over the run's training file, with statistics that agree unless they are given."""
    found: dict[str, Any] = {
        "tuningDatasetExampleCount": 10,
        "totalTruncatedExampleCount": dropped,
        "truncatedExampleIndices": indices or [],
        "droppedExampleReasons": reasons or [],
        "totalBillableTokenCount": sum(tokens_of(folder)) // 2,
        "userInputTokenDistribution": {"sum": 100, "min": 3, "max": 40, "mean": 10, "median": 9, "p5": 3, "p95": 39},
        **(stats or {}),
    }
    return job_document(
        **{
            "state": "JOB_STATE_SUCCEEDED",
            "createTime": CREATED,
            "baseModel": "gemini-2.5-flash",
            "supervisedTuningSpec": {"trainingDatasetUri": f"{folder}/train.jsonl"},
            "tuningDataStats": {"supervisedTuningDataStats": found},
            **fields,
        }
    )


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return tmp_path / "job.json"


def reconcile(folder: str, document: Path, given: Any) -> int:
    document.write_text(given if isinstance(given, str) else json.dumps(given))
    return main(["reconcile", folder, "--job", str(document)])


def written(folder: str) -> dict[str, Any]:
    with open_folder(folder).open("reconcile.json") as stream:
        found: dict[str, Any] = json.loads(stream.read())
    return found


def names(found: dict[str, Any]) -> list[str]:
    return [difference["name"] for difference in found["differences"]]


def page(folder: str) -> str:
    with open_folder(folder).open("reconcile.html") as stream:
        return stream.read().decode()


# As predicted


def test_a_job_that_does_as_foretold(run: str, document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reconcile(run, document, job()) == 0
    found = written(run)
    assert found["differences"] == []
    assert found["dataset"]["proven"] is True
    assert found["tokens"]["agrees"] is True
    assert found["kept_by_service"] is None
    assert "As predicted" in capsys.readouterr().out
    assert "As predicted" in page(run)


@pytest.fixture(scope="module")
def local_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = str(tmp_path_factory.mktemp("indices"))
    make(folder)
    return open_finished(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(indices=st.lists(st.integers(1, 10), unique=True, max_size=10), more=st.integers(0, 5))
def test_every_index_leads_to_its_line(local_run: FinishedRun, indices: list[int], more: int) -> None:
    reasons = [f"reason of {index}" for index in indices]
    document = job(
        local_run.name, dropped=len(indices) + more, indices=indices, reasons=reasons, supervisedTuningSpec={}
    )
    found = compare(local_run, convert_job(document, "test"))
    assert [(one.index, one.file, one.line, one.reason) for one in found.kept_by_us] == [
        (index, *SOURCES[index - 1], f"reason of {index}") for index in sorted(indices)
    ]
    assert found.exit_code == (3 if indices or more else 0)
    assert any("does not say" in sentence for sentence in found.cannot_show) is (more > 0)


def test_dropped_lines_stand_with_the_services_words_beside_ours(
    run: str, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = ["Video is too long.", "Too many tokens.", "Video is too long."]
    assert reconcile(run, document, job(dropped=5, indices=[10, 2, 7], reasons=reasons)) == 3
    found = written(run)
    assert "dropped" in names(found)
    assert [(one["index"], one["reason"]) for one in found["kept_by_us"]] == [
        (2, "Too many tokens."),
        (7, "Video is too long."),
        (10, "Video is too long."),
    ]
    (clip,) = found["kept_by_us"][2]["media"]
    assert (clip["uri"], clip["duration_s"]) == (VIDEO_URI, 20.0)
    assert [(row["reason"], row["examples"]) for row in found["reasons"]] == [
        ("Video is too long.", 2),
        ("Too many tokens.", 1),
    ]
    assert any("3 of the 5 examples" in sentence for sentence in found["cannot_show"])
    printed = capsys.readouterr().out
    assert "/d/c.jsonl:5: Video is too long." in printed
    shown = page(run)
    assert "/d/c.jsonl:5" in shown
    assert "Video is too long." in shown


def test_the_name_of_a_job_is_asked_for(run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [f"--project={PROJECT}", f"--region={REGION}"]
    assert main(["tune", run, *arguments, "--submit"]) == 0
    low, high = tokens_of(run)
    stats = {
        "supervisedTuningDataStats": {
            "tuningDatasetExampleCount": 10,
            "totalTruncatedExampleCount": 1,
            "truncatedExampleIndices": [5],
            "droppedExampleReasons": ["Too many tokens."],
            "totalBillableTokenCount": (low + high) // 2,
        }
    }
    tuning.states = [{"state": "JOB_STATE_SUCCEEDED", "createTime": CREATED, "tuningDataStats": stats}]
    capsys.readouterr()
    assert main(["reconcile", run, "--job", JOB, "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found == written(run)
    assert (found["kept_by_us"][0]["file"], found["kept_by_us"][0]["line"]) == SOURCES[4]
    assert found["dataset"]["proven"] is True
    assert tuning.targets[-1] == f"GET /v1/{JOB}"
    # Without a name it is the run's last job.
    assert main(["reconcile", run]) == 3


def test_a_document_of_google_genai_is_taken_too(run: str, document: Path) -> None:
    """`TuningJob.model_dump_json()` has names in snake_case, and absent fields as null."""
    from google.genai import types

    given_job = types.TuningJob.model_validate(job(dropped=1, indices=[3], reasons=["Too long."]))
    assert reconcile(run, document, given_job.model_dump_json()) == 3
    assert written(run)["kept_by_us"][0]["reason"] == "Too long."


def test_fields_of_a_later_api_are_passed_over(run: str, document: Path) -> None:
    given_job = job()
    given_job["someLaterField"] = {"x": [1]}
    given_job["tuningDataStats"]["supervisedTuningDataStats"]["another"] = 7
    assert reconcile(run, document, given_job) == 0


def test_a_job_over_a_copy_is_known_by_its_bytes(
    tmp_path: Path, gcs: GcsEmulator, tuning: FakeTuning, document: Path
) -> None:
    gcs.create_bucket("bucket")
    folder = str(tmp_path / "run")
    make(folder)
    assert main(["tune", folder, "--upload=gs://bucket/sent"]) == 0
    spec = {"trainingDatasetUri": "gs://bucket/sent/train.jsonl"}
    assert reconcile(folder, document, job(folder, supervisedTuningSpec=spec)) == 0
    assert written(folder)["dataset"]["proven"] is True


def test_a_validation_set_widens_the_range_of_tokens(run: str, document: Path) -> None:
    _, high = tokens_of(run)
    assert reconcile(run, document, job(stats={"totalBillableTokenCount": high + 1})) == 0
    tokens = written(run)["tokens"]
    assert tokens["foretold"]["high"] == high < tokens["high_with_validation"]


# As given


@pytest.fixture
def given_run(gcs: GcsEmulator) -> str:
    """A run whose dataset lay in a bucket, so that a job may have read it as it was."""
    gcs.create_bucket("bucket")
    kept = lines(3, "x")
    make_run(
        FOLDER,
        {
            "train": {
                "gs://bucket/data/a.jsonl": [kept[0], b"no JSON", kept[1], b"{}", kept[2]],
                "gs://bucket/data/blank.jsonl": [kept[0], b"", b"no JSON", kept[1]],
            }
        },
    )
    return FOLDER


def job_as_given(name: str, dropped: int, indices: list[int], **stats: Any) -> dict[str, Any]:
    return job(
        dropped=dropped,
        indices=indices,
        reasons=[f"no {index}" for index in indices],
        stats={"totalBillableTokenCount": 8, "tuningDatasetExampleCount": 5, **stats},
        supervisedTuningSpec={"trainingDatasetUri": f"gs://bucket/data/{name}"},
    )


def test_a_job_over_the_dataset_as_given_shows_both_directions(given_run: str, document: Path) -> None:
    # The service dropped 2, as we did, and 3, which we kept; it took 4, which we dropped.
    assert reconcile(given_run, document, job_as_given("a.jsonl", 2, [2, 3])) == 3
    found = written(given_run)
    assert found["dataset"]["basis"] == "as-given"
    assert [(one["index"], one["verdict"]) for one in found["dropped_by_both"]] == [(2, "dropped")]
    assert [(one["index"], one["verdict"]) for one in found["kept_by_us"]] == [(3, "kept")]
    assert [(one["index"], one["verdict"]) for one in found["kept_by_service"]] == [(4, "dropped")]
    assert {"dropped", "kept"} <= set(names(found))


def test_a_partial_sample_does_not_show_what_the_service_took(given_run: str, document: Path) -> None:
    assert reconcile(given_run, document, job_as_given("a.jsonl", 3, [2])) == 0
    found = written(given_run)
    assert found["kept_by_service"] is None
    assert any("1 of the 3" in sentence for sentence in found["cannot_show"])


def test_behind_blank_lines_an_index_is_not_led_back(given_run: str, document: Path) -> None:
    stats = {"tuningDatasetExampleCount": 3, "totalBillableTokenCount": 4}
    reconcile(given_run, document, job_as_given("blank.jsonl", 2, [1, 2], **stats))
    found = written(given_run)
    assert [one["index"] for one in found["kept_by_us"]] == [1]
    assert found["dropped_by_both"] == []
    assert found["kept_by_service"] is None
    assert any("blank lines" in sentence for sentence in found["cannot_show"])


# Not as predicted


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "EXPIRED", "RUNNING", "PENDING"])
def test_a_job_that_has_not_succeeded_is_told(
    run: str, document: Path, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error: dict[str, Any] = {"code": 3, "message": "More than 10% of the dataset was dropped."}
    fields: dict[str, Any] = {"state": f"JOB_STATE_{state}"} | ({"error": error} if state == "FAILED" else {})
    assert reconcile(run, document, job(**fields)) == 3
    found = written(run)
    assert names(found) == ["state"]
    assert state.lower() in found["differences"][0]["message"]
    assert (error["message"] in capsys.readouterr().out) is (state == "FAILED")


def test_a_job_without_statistics_is_told(run: str, document: Path) -> None:
    assert reconcile(run, document, job(tuningDataStats={})) == 3
    assert names(written(run)) == ["stats"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"baseModel": "gemini-2.5-pro"}, "model"),
        ({"stats": {"tuningDatasetExampleCount": 7}}, "examples"),
        ({"stats": {"totalBillableTokenCount": 1}}, "tokens"),
        ({"stats": {"totalBillableTokenCount": 10**12}}, "tokens"),
    ],
)
def test_other_differences_are_told(run: str, document: Path, fields: dict[str, Any], name: str) -> None:
    assert reconcile(run, document, job(**fields)) == 3
    assert names(written(run)) == [name]


@pytest.mark.parametrize("model", ["publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash-001"])
def test_other_names_of_the_model_are_no_difference(run: str, document: Path, model: str) -> None:
    assert reconcile(run, document, job(baseModel=model)) == 0


def test_dropped_examples_are_not_billed_and_may_be_any(run: str, document: Path) -> None:
    """With nine of ten dropped the sum may be that of the smallest one alone."""
    low, _ = tokens_of(run)
    stats = {"totalBillableTokenCount": low // 10}
    assert reconcile(run, document, job(dropped=9, stats=stats)) == 3
    assert "tokens" not in names(written(run))
    assert reconcile(run, document, job(stats=stats)) == 3
    assert "tokens" in names(written(run))


def test_the_service_may_count_examples_before_or_after_it_drops_some(run: str, document: Path) -> None:
    for count, is_told in ((10, False), (8, False), (9, True)):
        reconcile(run, document, job(dropped=2, indices=[1, 2], stats={"tuningDatasetExampleCount": count}))
        assert ("examples" in names(written(run))) is is_told


# Unusable


def overwrite(gcs: GcsEmulator) -> None:
    gcs.put(f"{FOLDER}/train.jsonl", b"{}\n")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"supervisedTuningSpec": {"trainingDatasetUri": "projects/1/locations/us/datasets/2"}}, "not a file in Cloud"),
        ({"supervisedTuningSpec": {"trainingDatasetUri": "gs://bucket/other/train.jsonl"}}, "another file"),
        ({"createTime": "2026-09-20T08:00:00Z"}, "older than this run"),
        ({"dropped": 1, "indices": [11]}, "index 11"),
        ({"dropped": 1, "indices": [0]}, "index 0"),
        ({"dropped": 1, "indices": [-4, 3]}, "index -4"),
    ],
)
def test_a_job_over_another_dataset_is_refused(
    run: str,
    gcs: GcsEmulator,
    document: Path,
    fields: dict[str, Any],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gcs.put("gs://bucket/other/train.jsonl", b"{}\n")
    assert reconcile(run, document, job(**fields)) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    with pytest.raises(FileNotFoundError):
        written(run)


def test_a_file_that_was_overwritten_is_told(
    run: str, gcs: GcsEmulator, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.put(f"{FOLDER}/train.jsonl", b"{}\n")
    assert reconcile(run, document, job()) == 2
    assert "another version" in capsys.readouterr().err


def test_a_job_over_an_earlier_writing_of_the_file_is_told(
    run: str, gcs: GcsEmulator, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", run, f"--project={PROJECT}", "--submit"]) == 0
    submitted = json.loads(gcs.get(f"{FOLDER}/submitted.json"))
    submitted["jobs"][0]["files"][0]["crc32c"] = "AAAAAA=="
    gcs.put(f"{FOLDER}/submitted.json", json.dumps(submitted).encode())
    tuning.states = [{"state": "JOB_STATE_SUCCEEDED", "createTime": CREATED}]
    assert main(["reconcile", run, "--job", JOB]) == 2
    assert "written anew" in capsys.readouterr().err


@pytest.mark.parametrize(
    "uri", ["gs://no-such-bucket/train.jsonl", "gs://bucket/gone/train.jsonl", "gs:///x", "gs://b"]
)
def test_where_the_file_cannot_be_looked_at_that_is_said(run: str, document: Path, uri: str) -> None:
    assert reconcile(run, document, job(supervisedTuningSpec={"trainingDatasetUri": uri})) == 0
    found = written(run)
    assert found["dataset"]["proven"] is False
    assert any("not proven" in sentence for sentence in found["cannot_show"])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        "{}",
        '{"name": "x"}',
        '{"tuningDataStats": 3}',
        '{"tuningDataStats": {"supervisedTuningDataStats": {"truncatedExampleIndices": ["x"]}}}',
        '{"tuningDataStats": {"supervisedTuningDataStats": {"truncatedExampleIndices": [1.5]}}}',
        '{"tuningDataStats": {"supervisedTuningDataStats": {"totalBillableTokenCount": "many"}}}',
        "[" * 100_000,
        "\ufeff\x00",
    ],
)
def test_what_is_no_job_is_told(run: str, document: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert reconcile(run, document, content) == 2
    told = capsys.readouterr().err
    assert "no tuning job" in told
    assert "Traceback" not in told


def test_numbers_that_are_none_are_unknown(run: str, document: Path) -> None:
    given_job = job()
    stats = given_job["tuningDataStats"]["supervisedTuningDataStats"]
    stats["userInputTokenDistribution"] = {"mean": "NaN", "max": "Infinity", "sum": "12"}
    stats["userOutputTokenDistribution"] = {"mean": float("nan")}
    assert reconcile(run, document, json.dumps(given_job)) == 0
    assert written(run)["input_tokens"] == {
        "sum": 12,
        "billableSum": None,
        "min": None,
        "max": None,
        "mean": None,
        "median": None,
        "p5": None,
        "p95": None,
    }


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--job", "42"], "neither"),
        (["--job", "tuningJobs/42"], "neither"),
        (["--job", "nowhere.json"], "cannot be read"),
        (["--job", "gs://bucket/nowhere.json"], "cannot be read"),
        (["--job", "."], "neither"),
        ([], "--job"),
    ],
)
def test_a_job_that_cannot_be_found_is_told(
    run: str, argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconcile", run, *argv]) == 2
    assert words in capsys.readouterr().err


def test_a_document_in_a_bucket_is_read(run: str, gcs: GcsEmulator) -> None:
    gcs.put("gs://bucket/job.json", json.dumps(job()).encode())
    assert main(["reconcile", run, "--job", "gs://bucket/job.json"]) == 0


# Larger, at random


def test_a_thousand_indices_over_many_shards(tmp_path: Path, document: Path) -> None:
    rng = random.Random(7)
    files: dict[str, list[Any]] = {}
    sources: list[tuple[str, int]] = []
    for shard in range(40):
        path, content = f"/d/{shard:02d}.jsonl", []
        for number in range(1, rng.randrange(1, 100)):
            kind = rng.choice(("kept", "kept", "kept", "dropped", "blank"))
            content.append(
                example(text(f"{shard} {number}")) if kind == "kept" else b"no JSON" if kind == "dropped" else b""
            )
            if kind == "kept":
                sources.append((path, number))
        files[path] = content
    folder = str(tmp_path / "run")
    make_run(folder, {"train": files})
    indices = rng.sample(range(1, len(sources) + 1), 1000)
    stats = {"tuningDatasetExampleCount": len(sources)}
    given_job = job(folder, dropped=1000, indices=indices, reasons=["x"] * 1000, stats=stats, supervisedTuningSpec={})
    assert reconcile(folder, document, given_job) == 3
    assert [(one["index"], one["file"], one["line"]) for one in written(folder)["kept_by_us"]] == [
        (index, *sources[index - 1]) for index in sorted(indices)
    ]
