"""What contributors and a package index meet: hooks, issue templates, the README's links, and the page of questions."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from patience import PATIENCE_S

from beam_tuning import __version__
from beam_tuning.commands import COMMANDS
from beam_tuning.sample import write_sample

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def test_the_hooks_are_the_tools_of_the_check_script() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    hooked = {hook["entry"].removeprefix(".venv/bin/").split(" --")[0] for hook in repository["hooks"]}
    checked = re.findall(r'^"\$bin/([a-z-]+)"((?: [a-z]+)?)', (ROOT / "scripts/check").read_text(), re.MULTILINE)
    assert {program + more for program, more in checked} <= hooked | {"ruff format", "ruff check"}
    for hook in repository["hooks"]:
        assert (ROOT / hook["entry"].split()[0]).exists(), hook["entry"]


def test_the_hooks_configuration_is_valid() -> None:
    words = [sys.executable, "-m", "pre_commit", "validate-config", ".pre-commit-config.yaml"]
    subprocess.run(words, cwd=ROOT, check=True, timeout=PATIENCE_S)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_an_issue_template_asks_for_what_its_command_prints(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    assert {field["type"] for field in form["body"]} <= {"input", "textarea", "dropdown"}
    named = re.findall(r"beam-tuning ([a-z]+)", path.read_text())
    assert set(named) <= set(COMMANDS)


def named(folder: Path, readme: str) -> str:
    """The README after the repository has been named in the folder."""
    (folder / "README.md").write_text(readme)
    shutil.copy(ROOT / "pyproject.toml", folder)
    words = [sys.executable, "scripts/set_repository", "https://host.example/o/n/", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, timeout=PATIENCE_S)
    return (folder / "README.md").read_text()


def test_links_become_absolute_and_others_stay(tmp_path: Path) -> None:
    readme = named(
        tmp_path,
        "![a](docs/images/a.png) [b](docs/b.md#c) [d](https://e.example/f) [g](#h) [`i`](LICENSE)\n"
        "[j](docs/j.md), [k](docs/k.md)\n",
    )
    page = f"https://host.example/o/n/blob/v{__version__}"
    assert readme == (
        f"![a](https://host.example/o/n/raw/v{__version__}/docs/images/a.png) [b]({page}/docs/b.md#c) "
        f"[d](https://e.example/f) [g](#h) [`i`]({page}/LICENSE)\n[j]({page}/docs/j.md), [k]({page}/docs/k.md)\n"
    )


def test_the_metadata_of_a_release_lead_to_the_repository(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    named(tmp_path, (ROOT / "README.md").read_text())
    for name in ("setup.py", "LICENSE", "beam_tuning/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    build = "import sys; from setuptools import build_meta; build_meta.prepare_metadata_for_build_wheel(sys.argv[1])"
    words = [sys.executable, "-c", build, str(tmp_path)]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE_S)
    (found,) = tmp_path.glob("*.dist-info/METADATA")
    metadata = email.message_from_string(found.read_text("utf-8"))
    pages = dict(one.split(", ") for one in metadata.get_all("Project-URL") or [])
    assert pages["Repository"] == "https://host.example/o/n"
    for page in [pages["Documentation"], pages["Changelog"]]:
        assert (ROOT / page.partition(f"/blob/v{__version__}/")[2]).is_file()
    targets = re.findall(r"\]\(([^)]*)\)", str(metadata.get_payload()))
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith("https://")] == []


LINKS = [
    (page, target)
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    for target in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", page.read_text())
]


@pytest.mark.parametrize(("page", "target"), LINKS, ids=lambda part: getattr(part, "name", part))
def test_a_link_in_the_documents_leads_to_a_file(page: Path, target: str) -> None:
    assert (page.parent / target).exists()


@pytest.mark.skipif(not all(map(shutil.which, ("jq", "ffprobe", "zcat"))), reason="no jq, ffprobe or zcat here")
def test_the_way_by_hand_runs_as_the_page_shows_it(tmp_path: Path) -> None:
    (script,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/faq.md").read_text(), re.DOTALL)
    write_sample(tmp_path / "demo" / "dataset")
    # The sample names a host that nobody has: by hand that costs the time of its resolver.
    done = subprocess.run(
        ["bash", "-e"], input=script, cwd=tmp_path, text=True, capture_output=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(maxsplit=1) for line in (tmp_path / "lengths.txt").read_text().splitlines()]
    by_name = {Path(uri).name: seconds for seconds, uri in rows}
    assert float(by_name["six-minutes.mp4"]) == 360
    assert by_name["nothing.mp3"] == "unreadable"
    assert float(by_name["cut-short.mp4"]) > 0  # what the page says: no word of the cut
