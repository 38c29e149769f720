"""The Python interface: what is public, that it is typed, and that it does what the command line does."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gcs_emulator import GcsEmulator
from media_making import make_media
from patience import PATIENCE_S
from run_output import output_of
from tuning_lines import encoded, example, file, text

import beam_tuning
from beam_tuning.api.validating import ValidateKeywords
from beam_tuning.cli import main
from beam_tuning.commands import load
from beam_tuning.media.media_table import SCHEMA
from beam_tuning.sample import SAMPLE_MODEL, write_sample
from beam_tuning.summary.tables import VERDICT_SCHEMA

ROOT = Path(__file__).parents[1]
MODEL = "gemini-3.5-flash"


@pytest.fixture(scope="module")
def sound() -> bytes:
    return make_media("wav", audio="pcm_s16le", duration_s=1)


@pytest.fixture
def dataset(tmp_path: Path, sound: bytes) -> Path:
    """A line that is kept, one whose file is not there, one that is no JSON."""
    (tmp_path / "a.wav").write_bytes(sound)
    lines = [
        encoded(example(file(f"{tmp_path}/a.wav", "audio/wav"), text("<b>Listen</b>"))),
        encoded(example(file(f"{tmp_path}/none.wav", "audio/wav"))),
        b"{",
    ]
    path = tmp_path / "a, b.jsonl"
    path.write_bytes(b"\n".join(lines))
    return path


def test_every_public_name_is_there_and_told_to_type_checkers() -> None:
    tree = ast.parse((ROOT / "beam_tuning/__init__.pyi").read_text())
    told = {alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(told) == set(beam_tuning.__all__) - {"__version__"}
    for name, module in told.items():
        assert getattr(beam_tuning, name) is getattr(importlib.import_module(str(module)), name)
        assert name in dir(beam_tuning)
        assert getattr(beam_tuning, name).__doc__, f"{name} has no docstring"
    with pytest.raises(AttributeError, match="no attribute 'Validate'"):
        beam_tuning.Validate  # type: ignore[attr-defined]  # noqa: B018


def test_keywords_are_the_options_of_the_command() -> None:
    rows = {option.name for option in load("validate").options}
    own = {"beam_options", "progress"}
    assert set(ValidateKeywords.__annotations__) == (rows - {"train", "model", "output", "json"}) | own


def test_it_writes_what_the_command_writes(dataset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = [f"--train={str(dataset).replace(',', '?')}", f"--model={MODEL}", "--allow_local_media"]
    assert main(["validate", *words, f"--output={tmp_path}/command"]) == 3
    capfd.readouterr()
    run = beam_tuning.validate(
        train=[dataset], model=MODEL, output=tmp_path / "python", allow_local_media=True, progress=False
    )
    assert capfd.readouterr() == ("", "")
    outputs = [output_of(tmp_path / name) for name in ("command", "python")]
    for output in outputs:
        output["report.json"]["options"].pop("train")
        output.pop("report.html")
    assert outputs[0].keys() == outputs[1].keys()
    assert {name for name in outputs[0] if outputs[0][name] != outputs[1][name]} <= {"manifest.json"}
    assert (run.exit_code, run.cleaned, run.is_ready) == (3, beam_tuning.State.UNCERTAIN, False)
    assert run.counts == {"train": beam_tuning.SplitCounts(read=3, kept=1, dropped=2, undecided=0)}
    assert repr(run).endswith("train 1 of 3 kept>")


def test_a_sample_is_counted(dataset: Path, tmp_path: Path) -> None:
    lines = [encoded(example(text(f"Line {number}."))) for number in range(10)]
    (tmp_path / "ten.jsonl").write_bytes(b"\n".join(lines))
    run = beam_tuning.validate(
        train=tmp_path / "ten.jsonl", model=MODEL, output=tmp_path / "out", max_examples=4, progress=False
    )
    assert run.counts["train"] == beam_tuning.SplitCounts(read=10, kept=4, dropped=0, undecided=0, sampled_out=6)
    assert "Sampled out" in run._repr_html_()


def test_a_run_is_read_again_from_any_store(dataset: Path, tmp_path: Path, gcs: GcsEmulator) -> None:
    gcs.create_bucket("bucket")
    for folder in (str(tmp_path / "out"), "gs://bucket/out"):
        beam_tuning.validate(
            train=[dataset], model=MODEL, output=folder, allow_local_media=True, progress=False, overwrite=True
        )
        run = beam_tuning.open_run(folder)
        assert run.model == MODEL
        assert run.reasons == {"LINE_NOT_JSON": 1, "MEDIA_NOT_FOUND": 1}
        assert run.report["splits"]["train"]["read"] == 3
        assert run.verdicts().schema.names == VERDICT_SCHEMA.names
        assert run.media().schema.names == SCHEMA.names
        assert run.verdicts(["verdict", "line"]).to_pydict() == {
            "verdict": ["kept", "dropped", "dropped"],
            "line": [1, 2, 3],
        }
        assert run.media(["container"]).to_pydict() == {"container": ["wav", None]}
        (missing,) = run.examples(code="MEDIA_NOT_FOUND")
        assert (missing.line, missing.verdict) == (2, beam_tuning.Verdict.DROPPED)
        assert missing.media_uris == (f"{tmp_path}/none.wav",)
        assert [finding.code for finding in missing.findings] == ["MEDIA_NOT_FOUND"]
        assert len(list(run.examples())) == 3
        assert list(run.examples(split="validation")) == []
        assert any(command.startswith(f"beam-tuning upload {folder}") for command in run.next_commands)
        assert run.path_of("report.html") == f"{folder}/report.html"


def test_a_notebook_shows_the_top_and_nothing_that_acts(dataset: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "<script>alert(1)<script>\u202e.jsonl"
    hostile.write_bytes(b'{"contents": "<img src=x onerror=alert(1)>"}')
    run = beam_tuning.validate(train=[dataset, hostile], model=MODEL, output=tmp_path / "<out>", progress=False)
    shown = run._repr_html_()
    assert len(shown) < 10_000
    assert "Not ready" in shown.capitalize() or "not ready" in shown
    assert "beam-tuning " in shown
    for harm in ("<script", "<img", "\u202e", "<out>"):
        assert harm not in shown


def test_an_empty_dataset_has_empty_tables(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n")
    run = beam_tuning.validate(train=tmp_path / "a.jsonl", model=MODEL, output=tmp_path / "out", progress=False)
    assert (run.verdicts().num_rows, run.media().num_rows, list(run.examples())) == (0, 0, [])
    assert isinstance(run.verdicts(["line"]), pa.Table)
    assert run._repr_html_()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"train": []}, "train: the value is empty"),
        ({"train": [b"a"]}, "not a value of the option"),
        ({"train": 5}, "neither a text nor a list of texts"),
        ({"train": "none-*.jsonl"}, "matches no file"),
        ({"model": "gemini-0"}, "gemini"),
        ({"output": ""}, "empty"),
        ({"overwrite": "yes"}, "neither True nor False"),
        ({"epochs": 0}, "a whole number from 1 to 999"),
        ({"epochs": True}, "not a value of the option"),
        ({"epochs": 1.5}, "a whole number"),
        ({"media_resolution": "huge"}, "does not take this value"),
        ({"tolerate": ["NO_SUCH"]}, "cannot be tolerated"),
        ({"limits": "none.toml"}, "cannot be read"),
        ({"probe_cache": "/none"}, "/none"),
        ({"beam_options": "--runner=X"}, "list of words"),
        ({"beam_options": ["--colour=red"]}, "no such option"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(
    options: dict[str, Any], words: str, dataset: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"train": [dataset], "model": MODEL, "output": tmp_path / "out", **options}
    with pytest.raises(beam_tuning.UsageError, match=words):
        beam_tuning.validate(**given)
    assert not (tmp_path / "out").exists()


def test_an_option_that_is_none_is_a_type_error(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'epoch'; did you mean epochs"):
        beam_tuning.validate(train=[dataset], model=MODEL, output=tmp_path / "out", epoch=3)  # type: ignore[call-arg]


def test_a_dataset_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(beam_tuning.InputError, match="not whole"):
        beam_tuning.validate(train=tmp_path / "a.jsonl.gz", model=MODEL, output=tmp_path / "out", progress=False)
    with pytest.raises(beam_tuning.InputError, match="not whole"):
        beam_tuning.open_run(tmp_path / "out")


def nothing(folder: Path) -> None:
    pass


def no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def no_report(folder: Path) -> None:
    (folder / "report.json").unlink()


def no_verdicts(folder: Path) -> None:
    for path in folder.glob("verdicts/*"):
        path.write_bytes(b"PAR1")


@pytest.mark.parametrize("harm", [no_manifest, no_report])
def test_what_is_no_finished_run_is_not_opened(dataset: Path, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    beam_tuning.validate(train=[dataset], model=MODEL, output=tmp_path / "out", progress=False)
    harm(tmp_path / "out")
    with pytest.raises(beam_tuning.InputError):
        beam_tuning.open_run(tmp_path / "out")


def test_faults_of_tables_are_told(dataset: Path, tmp_path: Path) -> None:
    run = beam_tuning.validate(train=[dataset], model=MODEL, output=tmp_path / "out", progress=False)
    with pytest.raises(beam_tuning.OptionError, match="no such column"):
        run.verdicts(["lines"])
    no_verdicts(tmp_path / "out")
    with pytest.raises(beam_tuning.InputError):
        run.verdicts()
    with pytest.raises(beam_tuning.InputError):
        list(run.examples())


def test_one_look_at_a_file(dataset: Path, tmp_path: Path, gcs: GcsEmulator, sound: bytes) -> None:
    gcs.put("gs://bucket/a.wav", sound)
    for uri in (tmp_path / "a.wav", f"file://{tmp_path}/a.wav", "gs://bucket/a.wav"):
        info = beam_tuning.probe(uri)
        assert (info.container, info.kind, info.duration_s) == ("wav", beam_tuning.MediaKind.AUDIO, 1.0)


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("gs://bucket/none.wav", "not_found"),
        ("/none/at/all.wav", "not_found"),
        ("s3://bucket/a.wav", "unsupported_uri"),
        ("http://127.0.0.1:1/a.wav", "address_blocked"),
        ("\ud800", "unsupported_uri"),
        ("", "unsupported_uri"),
    ],
)
def test_a_look_that_fails_says_why_and_survives_pickling(uri: str, kind: str, gcs: GcsEmulator) -> None:
    gcs.create_bucket("bucket")
    with pytest.raises(beam_tuning.MediaError) as caught:
        beam_tuning.probe(uri)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert error.failure.kind == kind
        assert error.remedy
        assert error.exit_code == 3


def test_a_line_is_judged_with_and_without_its_media(dataset: Path) -> None:
    good, missing, broken = dataset.read_bytes().split(b"\n")
    unseen = beam_tuning.check_line(good, model=MODEL, allow_local_media=True)
    assert unseen.verdict is beam_tuning.Verdict.UNDECIDED
    assert [finding.code for finding in unseen.findings] == ["MEDIA_NOT_PROBED"]
    for line in (good, good + b"\n", good.decode()):
        seen = beam_tuning.check_line(line, model=MODEL, probe=True, allow_local_media=True)
        assert (seen.verdict, seen.findings) == (beam_tuning.Verdict.KEPT, ())
        assert seen.tokens is not None
        assert seen.media_uris == (str(dataset.parent / "a.wav"),)
    refused = beam_tuning.check_line(good, model=MODEL, probe=True)
    assert [finding.code for finding in refused.findings] == ["FILE_URI_UNSUPPORTED"]
    lost = beam_tuning.check_line(missing, model=MODEL, probe=True, allow_local_media=True)
    assert [finding.code for finding in lost.findings] == ["MEDIA_NOT_FOUND"]
    assert beam_tuning.check_line(broken, model=MODEL).findings[0].code == "LINE_NOT_JSON"


@pytest.mark.parametrize("line", [b"", b"\n", "\ud800", b"\xff", b"[" * 100_000, b"null", "{}"])
def test_any_line_is_judged(line: bytes | str) -> None:
    checked = beam_tuning.check_line(line, model=MODEL, probe=True)
    assert checked.verdict is beam_tuning.Verdict.DROPPED
    assert checked.findings


@pytest.mark.parametrize(
    "options", [{"model": "no-such"}, {"length_basis": "clip"}, {"tolerate": "LINE_NOT_JSON"}, {"limits": "/none"}]
)
def test_a_line_is_not_judged_by_what_is_not_known(options: dict[str, Any]) -> None:
    with pytest.raises(beam_tuning.OptionError):
        beam_tuning.check_line(b"{}", **{"model": MODEL, **options})


def test_importing_the_package_is_fast() -> None:
    """0.15 s of processor time are allowed: a busy machine takes none of it.

    That it loads no other module is held by tests/test_start.py.
    """
    code = "import time; t = time.process_time(); import beam_tuning; dir(beam_tuning); print(time.process_time() - t)"
    times_s = [float(subprocess.check_output([sys.executable, "-c", code], timeout=PATIENCE_S)) for _ in range(3)]
    assert min(times_s) < 0.15


def code_of(document: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / document).read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documented")
    write_sample(folder / "demo/dataset")
    return folder


def test_the_documented_examples_run_top_to_bottom(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    Path("documented.py").write_text("\n".join(code_of("python.md")))
    done = subprocess.run(
        [sys.executable, "documented.py"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "\nbeam-tuning " in done.stdout  # the next commands
    expected = [json.loads(line) for line in Path("demo/dataset/expected.jsonl").read_text().splitlines()]
    kept = b"".join(path.read_bytes() for path in sorted(Path("demo").glob("kept-*.jsonl"))).splitlines()
    assert len(kept) == sum(one["split"] == "train" and one["verdict"] == "kept" for one in expected)
    assert SAMPLE_MODEL in code_of("python.md")[0]


def test_code_outside_the_package_is_typed(tmp_path: Path) -> None:
    """What the documented examples use, under mypy --strict, as whoever installs the package runs it."""
    program = "\n".join(code_of("python.md"))
    program += """
reveal_type(run)
reveal_type(run.counts["train"].kept)
reveal_type(info)
reveal_type(checked.findings)
reveal_type(next(run.examples()).verdict)
"""
    program = f"# mypy: allow-untyped-calls\n{program}"  # of Beam, which is typed in part
    (tmp_path / "program.py").write_text(program)
    wrong = (
        'import beam_tuning\n\nbeam_tuning.validate(train="a", model="b", output="c", epochs="three")\nbeam_tuning.no\n'
    )
    (tmp_path / "wrong.py").write_text(wrong)
    # Silent, as of an installed package: faults of other packages than the program's are not told.
    words = ["-m", "mypy", "--strict", "--follow-imports=silent", f"--cache-dir={ROOT}/.mypy_cache/outside"]
    done = subprocess.run(
        [sys.executable, *words, "program.py", "wrong.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    told = done.stdout
    for kind in ("beam_tuning.api.run.Run", "int", "beam_tuning.media.info.MediaInfo", "beam_tuning.reasons.Verdict"):
        assert f'Revealed type is "{kind}"' in told.replace("builtins.", "")
    errors = [line for line in told.splitlines() if ": error: " in line]
    assert len(errors) == 2, told
    assert all(line.startswith("wrong.py:") for line in errors), told
