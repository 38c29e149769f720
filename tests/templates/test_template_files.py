"""The Flex Template's files: against the options table, Google's own messages, the pins and the launcher's contract."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.cloud import dataflow_v1beta3
from google.protobuf import json_format

from beam_tuning import commands
from beam_tuning.command_line import parse
from beam_tuning.commands import COMMANDS, TEMPLATE_DEFAULT
from beam_tuning.options import Command, Kind, Option, Template

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
DOCKERFILE = (TEMPLATES / "Dockerfile").read_text()
VALIDATE = commands.load("validate")
OPTIONS = [option for option in VALIDATE.options if option.in_template]

#: What Dataflow's launcher passes to the program by itself.
LAUNCHER_OPTIONS = {
    "runner",
    "template_location",
    "project",
    "region",
    "job_name",
    "temp_location",
    "staging_location",
    "service_account_email",
    "sdk_container_image",
    "num_workers",
    "max_num_workers",
    "machine_type",
    "worker_machine_type",
    "network",
    "subnetwork",
    "labels",
    "experiments",
}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"template_{name}", TEMPLATES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((TEMPLATES / "metadata" / "validate.json").read_text())
    return content


def template_metadata(content: dict[str, Any]) -> Any:
    message = dataflow_v1beta3.TemplateMetadata.pb(dataflow_v1beta3.TemplateMetadata())
    return json_format.ParseDict(content, message, ignore_unknown_fields=False)


def test_there_is_a_form_for_each_command_on_beam_and_it_is_the_options_table() -> None:
    """To mend it: python templates/make_metadata.py"""
    written = {path.stem: json.loads(path.read_text()) for path in (TEMPLATES / "metadata").iterdir()}
    assert written == load("make_metadata").metadata()
    assert set(written) == {name for name in COMMANDS if commands.load(name).takes_beam_options}
    assert TEMPLATE_DEFAULT in written


def test_every_option_that_a_launch_can_give_is_a_parameter(metadata: dict[str, Any]) -> None:
    names = [parameter["name"] for parameter in metadata["parameters"]]
    assert names == [option.name for option in OPTIONS]
    assert len(set(names)) == len(names)
    assert {option.name for option in VALIDATE.options if option.required} <= set(names)


def test_no_parameter_takes_a_name_of_the_launcher(metadata: dict[str, Any]) -> None:
    assert LAUNCHER_OPTIONS.isdisjoint(parameter["name"] for parameter in metadata["parameters"])


def test_google_reads_the_metadata(metadata: dict[str, Any]) -> None:
    message = template_metadata(metadata)
    kinds = dataflow_v1beta3.ParameterType
    for option, parameter in zip(OPTIONS, message.parameters, strict=True):
        assert parameter.label, option.name
        assert parameter.help_text == option.help
        assert parameter.is_optional is not option.required
        assert kinds(parameter.param_type).name == option.kind.value
        assert [choice.value for choice in parameter.enum_options] == list(option.choices)


@pytest.mark.parametrize("key", ["_comment", "optional", "paramtype", "help"])
def test_google_refuses_a_key_that_it_does_not_know(metadata: dict[str, Any], key: str) -> None:
    first, *rest = metadata["parameters"]
    with pytest.raises(json_format.ParseError, match=key):
        template_metadata({**metadata, "parameters": [{**first, key: "x"}, *rest]})


def test_google_refuses_a_parameter_type_that_it_does_not_know(metadata: dict[str, Any]) -> None:
    first, *rest = metadata["parameters"]
    with pytest.raises(json_format.ParseError, match="GCS_READ_FILES"):
        template_metadata({**metadata, "parameters": [{**first, "paramType": "GCS_READ_FILES"}, *rest]})


def test_google_reads_the_whole_specification(metadata: dict[str, Any]) -> None:
    image = "europe-docker.pkg.dev/example-project/images/beam-tuning:0.1.0"
    specification = {
        "image": image,
        "metadata": metadata,
        "sdkInfo": {"language": "PYTHON"},
        "defaultEnvironment": {"sdkContainerImage": image, "maxWorkers": 50},
    }
    message = dataflow_v1beta3.ContainerSpec.pb(dataflow_v1beta3.ContainerSpec())
    json_format.ParseDict(specification, message, ignore_unknown_fields=False)
    assert message.metadata.parameters[0].name == "train"


def test_patterns_stay_in_what_posix_and_python_share(metadata: dict[str, Any]) -> None:
    for parameter in metadata["parameters"]:
        for pattern in parameter.get("regexes", []):
            re.compile(pattern)
            assert pattern.startswith("^"), parameter["name"]
            assert pattern.endswith("$"), parameter["name"]
            assert not re.search(r"\\[dwsbDWSB]|\(\?|[*+?}][?+]", pattern), parameter["name"]


ACCEPTED = {
    "train": ["gs://bucket/train-*.jsonl", "gs://bucket/a.jsonl,gs://bucket/b.jsonl.gz"],
    "validation": ["gs://bucket/validation-*.jsonl"],
    "output": ["gs://bucket/checked/"],
    "model": ["gemini-2.5-flash", "gemini-3.1-flash-lite"],
    "probe_threads": ["1", "64"],
    "max_expansion": ["1", "200", "9999"],
    "epochs": ["1", "12"],
    "price_per_million_tokens": ["3", "1.5"],
    "billing_project": ["example-project"],
    "probe_cache": ["gs://bucket/earlier"],
}
REFUSED = {
    "train": ["/home/data/train.jsonl", "s3://bucket/train.jsonl", ""],
    "output": ["checked", "gs://"],
    "model": ["Gemini 2.5 Flash", "gemini-2.5-flash; rm -rf /"],
    "probe_threads": ["0", "-1", "lots", "1000"],
    "max_expansion": ["0", "-1", "lots", "10000"],
    "epochs": ["0", "1.5"],
    "price_per_million_tokens": ["-1", "1,5", "$3"],
}


def patterns_of(name: str) -> list[str]:
    (option,) = [option for option in OPTIONS if option.name == name]
    return [option.pattern] if option.pattern else []


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in ACCEPTED for value in ACCEPTED[name]])
def test_a_value_that_the_form_accepts_is_accepted_by_the_job(name: str, value: str) -> None:
    assert all(re.search(pattern, value) for pattern in patterns_of(name))
    given = {"train": "gs://b/t", "output": "gs://b/o", "model": "gemini-2.5-flash", name: value}
    values = parse(VALIDATE, [f"--{key}={text}" for key, text in given.items()])
    assert getattr(values, name) not in (None, ())
    assert values.beam_arguments == []


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in REFUSED for value in REFUSED[name]])
def test_a_value_that_makes_no_sense_is_refused_by_the_form(name: str, value: str) -> None:
    patterns = patterns_of(name)
    assert patterns
    assert not all(re.search(pattern, value) for pattern in patterns)


def test_defaults_of_the_form_are_the_defaults_of_the_job(metadata: dict[str, Any]) -> None:
    required = ["--train=gs://b/t", "--output=gs://b/o", "--model=gemini-2.5-flash"]
    without = parse(VALIDATE, required)
    defaults = [f"--{p['name']}={p['defaultValue']}" for p in metadata["parameters"] if "defaultValue" in p]
    assert len(defaults) > 5
    assert parse(VALIDATE, [*required, *defaults]) == without
    assert without.beam_arguments == []


def test_flags_take_the_values_that_a_launch_gives(metadata: dict[str, Any]) -> None:
    flags = [option.name for option in OPTIONS if option.kind is Kind.FLAG]
    required = ["--train=gs://b/t", "--output=gs://b/o", "--model=gemini-2.5-flash"]
    values = parse(VALIDATE, [*required, *(f"--{name}=true" for name in flags)])
    assert all(getattr(values, name) is True for name in flags)


def test_the_image_runs_what_it_is_said_to_run() -> None:
    copied = re.search(r"^COPY templates/(\S+) \./$", DOCKERFILE, re.MULTILINE)
    started = re.search(r"^ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/template/(\S+)$", DOCKERFILE, re.MULTILINE)
    assert copied is not None
    assert started is not None
    assert copied.group(1) == started.group(1) == "launch.py"
    assert not re.search(r"^ENV FLEX_TEMPLATE_PYTHON_(REQUIREMENTS|SETUP)_FILE", DOCKERFILE, re.MULTILINE)


def test_the_image_has_the_pinned_beam_and_pinned_tags_only() -> None:
    pins = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line)
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert arguments["BEAM_VERSION"] == pins["apache-beam"]
    tags = [line.split()[1].rsplit(":", 1)[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM ")]
    assert tags == ["${LAUNCHER_TAG}", "${BEAM_VERSION}"]


def test_everything_that_the_image_copies_exists_and_is_not_ignored() -> None:
    kept = {
        line[1:] for line in (TEMPLATES / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    sources = [
        source
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from=" not in line
        for source in line.split()[1:-1]
    ]
    assert sources
    assert kept == set(sources)
    assert all((ROOT / source).exists() for source in sources)


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, str(TEMPLATES / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_workers_run_the_launchers_image_unless_another_is_named() -> None:
    arguments = load("launch").arguments
    environ = {"BEAM_TUNING_IMAGE": "registry.example/image:1"}
    assert arguments(["--model=m"], environ) == [
        "validate",
        "--model=m",
        "--sdk_container_image=registry.example/image:1",
    ]
    own = ["--sdk_container_image=registry.example/image:2"]
    assert arguments(own, environ) == ["validate", *own]
    assert arguments(["--model=m"], {"BEAM_TUNING_IMAGE": ""}) == ["validate", "--model=m"]


def test_a_launch_names_the_command_that_it_runs() -> None:
    arguments = load("launch").arguments
    assert arguments(["--command=repair", "--folder=gs://b/run", "--fast=true"], {}) == [
        "repair",
        "--folder=gs://b/run",
        "--fast=true",
    ]
    assert arguments(["--folder=x", "--command=validate"], {}) == ["validate", "--folder=x"]


def test_another_command_on_beam_gets_a_form_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Option(
        "folder", "arguments", Kind.READ_FOLDER, "A run.", label="Run", required=True, metavar="RUN", is_positional=True
    )
    weigh = Command((folder,), lambda _: 0, True, template=Template("Weigh media", "Weighs."))
    module = ModuleType("beam_tuning.commands.weigh")
    module.COMMAND = weigh  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "beam_tuning.commands.weigh", module)
    monkeypatch.setattr(commands, "COMMANDS", {**COMMANDS, "weigh": "weigh media"})
    form = load("make_metadata").metadata()["weigh"]
    template_metadata(form)
    assert [(one["name"], one["isOptional"]) for one in form["parameters"]] == [("command", False), ("folder", False)]
    launch = [f"--{one['name']}={one.get('defaultValue', 'gs://b/run')}" for one in form["parameters"]]
    name, *rest = load("launch").arguments(launch, {"BEAM_TUNING_IMAGE": "image:1"})
    assert name == "weigh"
    values = parse(commands.load(name), rest)
    assert values.folder == "gs://b/run"
    assert values.beam_arguments == ["--sdk_container_image=image:1"]


def test_the_build_script_says_how_to_use_it() -> None:
    done = subprocess.run([TEMPLATES / "build", "project"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "templates/build PROJECT REGION REPOSITORY BUCKET [TAG]" in done.stderr


def test_the_build_script_builds_the_image_and_the_template_from_it(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    gcloud = tmp_path / "gcloud"
    gcloud.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\n')
    gcloud.chmod(0o755)
    done = subprocess.run(
        [TEMPLATES / "build", "example-project", "europe-west1", "images", "example-bucket", "1.2"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    image = "europe-west1-docker.pkg.dev/example-project/images/beam-tuning:1.2"
    build, *templates = log.read_text().splitlines()
    assert build.startswith("builds submit . ")
    assert f"--substitutions=_IMAGE={image}" in build
    forms = sorted(path.stem for path in (TEMPLATES / "metadata").iterdir())
    names = ["beam-tuning-1.2" if form == "validate" else f"beam-tuning-{form}-1.2" for form in forms]
    for template, name, form in zip(templates, names, forms, strict=True):
        assert template.startswith(f"dataflow flex-template build gs://example-bucket/templates/{name}.json ")
        assert f"--image={image}" in template
        assert template.endswith(f"--metadata-file=templates/metadata/{form}.json")
    assert "--template-file-gcs-location=gs://example-bucket/templates/beam-tuning-1.2.json" in done.stdout
