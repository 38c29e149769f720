"""The built-in limits against a golden, and a person's own file laid over them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import msgspec
import pytest

from beam_tuning.errors import OptionError
from beam_tuning.limits_file import load_limits
from beam_tuning.policy.limits import Limit, Limits, Number, Price
from beam_tuning.policy.limits_toml import EXAMPLE

GOLDEN = Path(__file__).with_name("limits_golden.txt")
MODELS = (
    "gemini-3.5-flash",
    "gemini-3.5-flash-lite",
    "gemini-3.1-flash-lite",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-2.0-flash",
    "gemini-2.0-flash-lite",
)


def as_text(limits: Limits) -> str:
    """A line for each entry of each model; entries that all models share stand once."""
    rows: dict[str, list[str]] = {}
    for model in limits.models.values():
        for name, entry in model.entries().items():
            given = {
                key: value
                for key, value in msgspec.to_builtins(entry).items()
                if key not in ("label", "unit", "source", "read", "note")
            }
            value = ", ".join(f"{key} {value}" for key, value in given.items())
            rows.setdefault(f"{name}: {value} {entry.unit} ({entry.source}, {entry.read})", []).append(model.name)
    everywhere = list(limits.models)
    return "".join(
        f"{row}{'' if models == everywhere else ' ' + ' '.join(models)}\n" for row, models in sorted(rows.items())
    )


def test_the_golden() -> None:
    """A changed number is a change of what people are told: look it up, then write the golden anew with UPDATE=1."""
    text = as_text(load_limits())
    if os.environ.get("UPDATE"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_every_model_has_limits() -> None:
    assert tuple(load_limits().models) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_every_entry_names_its_source_and_the_day_it_was_read(name: str) -> None:
    for key, entry in load_limits().model(name).entries().items():
        assert entry.label, key
        if entry.source == "beam_tuning":
            assert entry.note, key
        else:
            assert entry.source.startswith("https://"), key
            assert entry.read is not None, key


def test_limits_on_whole_files_are_the_same_for_all_models() -> None:
    """The golden has the numbers."""
    assert len({str(model.dataset_limits()) for model in load_limits().models.values()}) == 1


@pytest.mark.parametrize("name", MODELS)
def test_models_with_an_end_name_it(name: str) -> None:
    model = load_limits().model(name)
    assert model.retirement.value is not None
    assert model.removal.value is None or model.removal.value > model.retirement.value


def test_limits_travel_to_workers() -> None:
    limits = load_limits()
    assert pickle.loads(pickle.dumps(limits)) == limits


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gemini-25-flash", "gemini-2.5-flash"),
        ("gemini-3.5", "gemini-3.5-flash"),
        ("Gemini-2.5-Pro", "gemini-2.5-pro"),
        ("gpt", None),
        ("", None),
        ("publishers/google/models/gemini-2.5-flsh", "gemini-2.5-flash"),
        ("projects/p/locations/l/models/1234567890", None),
        ("models/", None),
        ("gemini-2.5-flash-01", "gemini-2.5-flash"),
        ("gemini-2.5-flash-001-002", "gemini-2.5-flash"),
        ("gemini-2.5-flash-\u0661\u0661\u0661", "gemini-2.5-flash"),
        ("x" * 100_000, None),
        ("\x1b[31m\udcff", None),
    ],
)
def test_unknown_models(name: str, near: str | None) -> None:
    with pytest.raises(OptionError) as raised:
        load_limits().model(name)
    assert raised.value.where == "--model"
    assert all(model in str(raised.value.limit) for model in MODELS)
    assert near is None or near in str(raised.value.remedy)
    assert "--limits" in str(raised.value.remedy)
    assert len(str(raised.value.observed)) <= 2000
    assert str(raised.value.observed).isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "gemini-2.5-flash",
        "models/gemini-2.5-flash",
        "publishers/google/models/gemini-2.5-flash",
        "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash",
        "google/gemini-2.5-flash",
        "gemini-2.5-flash-001",
        "publishers/google/models/gemini-2.5-flash-001",
    ],
)
def test_models_as_people_write_them(name: str) -> None:
    assert load_limits().model(name).name == "gemini-2.5-flash"


def test_a_limits_file_adds_a_model(tmp_path: Path) -> None:
    limits = own(
        tmp_path,
        '[models."gemini-3.9-flash"]\ngeneration = "gemini-3"\nstatus = "In preview."\n'
        '[models."gemini-3.9-flash".video_length_low]\nvalue = 900\n'
        '[models."tuned-001"]\ngeneration = "gemini-2"\n'
        "[generations.gemini-2.fps]\nvalue = 7\n",
    )
    assert tuple(limits.models) == (*MODELS, "gemini-3.9-flash", "tuned-001")
    added, base = limits.model("models/gemini-3.9-flash-001"), limits.model("gemini-3.5-flash")
    assert (added.name, added.generation, added.status, added.instead) == (
        "gemini-3.9-flash",
        "gemini-3",
        "In preview.",
        "",
    )
    assert added.video_length_low.value == 900
    assert (added.image_tokens, added.price.value) == (base.image_tokens, None)
    assert (added.removal.value, added.retirement.value) == (None, None)
    assert limits.model("publishers/google/models/tuned-001").fps.value == 7
    assert {name: limits.model(name).video_length_low.value for name in MODELS} == dict.fromkeys(MODELS, 1200)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[models."gemini-9"]\nstatus = "new"', "generation"),
        ('[models."gemini-9"]\ngeneration = "gemini-9"', "gemini-2"),
        ('[models."gemini-9"]\ngeneration = 9', "must be a text"),
        ('[models."gemini-9"]\ngeneration = "gemini-3"\nstatus = 9', "must be a text"),
        ('[models."gemini-9"]\ngeneration = "gemini-3"\ncolour = "red"', "colour"),
        ('[models."Gemini 9"]\ngeneration = "gemini-3"', "not a model's name"),
        ('[models."../x"]\ngeneration = "gemini-3"', "not a model's name"),
        ('[models.""]\ngeneration = "gemini-3"', "not a model's name"),
        ('[models."%s"]\ngeneration = "gemini-3"' % ("x" * 64), "not a model's name"),
        ('[models."gemini-9\\u001b[31m"]\ngeneration = "gemini-3"', "not a model's name"),
        ('[models]\n"gemini-9" = 1', "must be a table"),
        ('[models]\n"gemini-2.5-pro" = "gemini-3"', "must be a table"),
    ],
)
def test_models_that_cannot_be_added(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(OptionError) as raised:
        own(tmp_path, text)
    assert words in str(raised.value)
    assert "\x1b" not in str(raised.value)


def test_a_date_may_be_moved(tmp_path: Path) -> None:
    limits = own(tmp_path, '[models."gemini-2.5-flash".retirement]\nvalue = 2027-03-01\n')
    assert str(limits.model("gemini-2.5-flash").retirement.value) == "2027-03-01"


def own(tmp_path: Path, text: str) -> Limits:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return load_limits(path)


def test_one_number_for_one_model(tmp_path: Path) -> None:
    limits = own(tmp_path, '[models."gemini-2.5-flash".video_length_low]\nvalue = 900\nnote = "agreed by mail"\n')
    changed = limits.model("gemini-2.5-flash").video_length_low
    assert (changed.value, changed.unit, changed.note) == (900, "s", "agreed by mail")
    assert changed.source == str(tmp_path / "own.toml")
    assert changed.read is None
    built_in = load_limits()
    others = {name: model for name, model in limits.models.items() if name != "gemini-2.5-flash"}
    assert others == {name: built_in.model(name) for name in others}


def test_the_narrower_table_wins(tmp_path: Path) -> None:
    limits = own(
        tmp_path,
        "[defaults.audio_files]\nvalue = 2\n"
        "[generations.gemini-3.audio_files]\nvalue = 3\n"
        '[models."gemini-3.5-flash".audio_files]\nvalue = 4\n',
    )
    found = {name: model.audio_files.value for name, model in limits.models.items()}
    assert found["gemini-2.5-pro"] == 2
    assert found["gemini-3.1-flash-lite"] == 3
    assert found["gemini-3.5-flash"] == 4


def test_one_level_of_many(tmp_path: Path) -> None:
    limits = own(tmp_path, "[generations.gemini-2.image_tokens.levels]\nMEDIA_RESOLUTION_LOW = [60, 70]\n")
    built_in = load_limits().model("gemini-2.0-flash").image_tokens.levels
    assert limits.model("gemini-2.0-flash").image_tokens.levels == {**built_in, "MEDIA_RESOLUTION_LOW": (60, 70)}


@pytest.mark.parametrize(("table", "kind"), [("price", Price), ("video_files", Number), ("fps", Number)])
def test_source_and_day_may_be_given(tmp_path: Path, table: str, kind: type[Limit]) -> None:
    given = 'value = 7.5\nsource = "https://example.com/offer"\nread = 2027-01-31\n'
    entry = (
        own(tmp_path, f'[models."gemini-2.0-flash-lite".{table}]\n{given}')
        .model("gemini-2.0-flash-lite")
        .entries()[table]
    )
    assert isinstance(entry, kind)
    assert (entry.source, str(entry.read)) == ("https://example.com/offer", "2027-01-31")


@pytest.mark.parametrize(
    ("text", "where", "near"),
    [
        ("[default.audio_files]\nvalue = 2", "default", "defaults"),
        ("[defaults.audio_file]\nvalue = 2", "defaults.audio_file", "audio_files"),
        ("[defaults.audio_files]\nvalu = 2", "defaults.audio_files.valu", "value"),
        ('[models."gemini-2.5"]\n', "models.gemini-2.5", "gemini-2.5-pro"),
        ('[models."gemini-2.5-pro"]\ngeneration = "gemini-3"', 'models."gemini-2.5-pro".generation', ""),
        ("[generations.gemini-4.audio_files]\nvalue = 1", "generations.gemini-4", "gemini-3"),
        ("[generations.gemini-2.image_tokens.levels]\nLOW = [1, 2]", "image_tokens.levels.LOW", ""),
        ("[defaults.image_tokens]\nlevels = {}", "defaults.image_tokens", "generation"),
        ("[defaults.part_media_resolution]\nvalue = true", "defaults.part_media_resolution", "generation"),
        ('[defaults.audio_bytes]\nvalue = 100\nunit = "MB"', "defaults.audio_bytes.unit", "bytes"),
        ("[defaults]\naudio_files = 2", "defaults.audio_files", "looks like this"),
        ("generations = []", "generations", ""),
        ("[generations]\ngemini-3 = 1", "generations.gemini-3", ""),
        ('["\\u001b[31m"]\n', "\\x1b[31m", ""),
        ('["%s"]\n' % ("x" * 99_999), "xxx…", ""),
        ("models = 1", "models", ""),
        ('defaults = "none"', "defaults", ""),
        ("[generations.gemini-2.image_tokens]\nlevels = 1", "image_tokens.levels", ""),
        ("video_length_low = 5", "video_length_low", ""),
    ],
)
def test_names_that_are_not_known(tmp_path: Path, text: str, where: str, near: str) -> None:
    with pytest.raises(OptionError) as raised:
        own(tmp_path, text)
    assert str(raised.value.where).startswith(str(tmp_path / "own.toml"))
    assert where in str(raised.value.where)
    assert near in str(raised.value.remedy)
    assert len(str(raised.value)) < 2000
    assert all(line in str(raised.value) for line in EXAMPLE.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        '[defaults.audio_files]\nvalue = "two"',
        "[defaults.audio_files]\nvalue = true",
        "[defaults.audio_files]\nvalue = -1",
        "[defaults.audio_length]\nvalue = inf",
        "[defaults.audio_length]\nvalue = nan",
        "[defaults.drop_percent]\nvalue = 12.5",
        "[defaults.text_bytes_per_token]\nlow = 0",
        "[defaults.audio_tokens_per_second]\nlow = 40",
        "[defaults.video_mime_types]\nvalues = [1]",
        "[generations.gemini-2.image_tokens.levels]\nMEDIA_RESOLUTION_LOW = [70, 60]",
        "[generations.gemini-2.image_tokens.levels]\nMEDIA_RESOLUTION_LOW = [70]",
        "[generations.gemini-2.part_media_resolution]\nvalue = 1",
        '[models."gemini-2.5-pro".adapter_sizes]\nvalues = ["many"]',
        '[models."gemini-2.5-pro".price]\nvalue = "free"',
        '[defaults.audio_files]\nread = "yesterday"',
        "[defaults.audio_files]\nvalue = 9007199254740993",
        "[defaults.audio_files]\nvalue = " + "9" * 4000,
        "[defaults.audio_length]\nvalue = 1e300",
        '[models."gemini-2.5-pro".price]\nvalue = -1',
        '[models."gemini-2.5-pro".price]\nvalue = inf',
        '[models."gemini-2.5-pro".retirement]\nvalue = "soon"',
        '[models."gemini-2.5-pro".retirement]\nvalue = 2026-10-20T00:00:00',
        '[defaults.uncertain_parts]\nvalues = ["text"]',
        '[defaults.uncertain_parts]\nvalues = ["\\u001b"]',
    ],
)
def test_values_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    with pytest.raises(OptionError) as raised:
        own(tmp_path, text)
    assert str(tmp_path / "own.toml") in str(raised.value)
    assert "\x1b" not in str(raised.value)
    assert all(line in str(raised.value) for line in EXAMPLE.splitlines())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[defaults", "not TOML"),
        (b"\xff\xfe", "not TOML"),
        (b"{}", "not TOML"),
        (b"a = 1\na = 2", "not TOML"),
        (b"a = 1\x00", "not TOML"),
        (b'a = "\\ud800"', "not TOML"),
        (b"a = " + b"9" * 5000, "not TOML"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"{a = " * 100_000, "nested too deeply"),
        (b"a = " + b"[" * 400_000 + b"]" * 400_000, "nested too deeply"),
        (b"#" * 1_000_001, "too large"),
    ],
)
def test_files_that_are_no_limits(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    with pytest.raises(OptionError, match=words) as raised:
        load_limits(path)
    assert all(line in str(raised.value) for line in EXAMPLE.splitlines())


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(b"\xef\xbb\xbf[defaults.audio_files]\nvalue = 2\n")
    assert load_limits(path).model("gemini-2.5-pro").audio_files.value == 2


@pytest.mark.parametrize("name", ["", "missing.toml", "a\0b", "a\ud800", "x" * 5000, "\udcff.toml", "\x1b[31m"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"cannot be read|no file's name") as raised:
        load_limits(tmp_path / name)
    assert str(raised.value).encode()
    assert "\x1b" not in str(raised.value)
    assert "\0" not in str(raised.value)


def test_the_example_is_one(tmp_path: Path) -> None:
    changed = own(tmp_path, EXAMPLE).model("gemini-2.5-flash").video_length_low
    assert (changed.value, changed.note) == (900, "as agreed by mail")
    assert len(EXAMPLE.splitlines()) == 3


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert own(tmp_path, "# nothing\n") == load_limits()
