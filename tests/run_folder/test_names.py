"""Every name that a run writes is known beforehand, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.dataset.layout import Shard
from beam_tuning.reasons import Verdict
from beam_tuning.run_folder import names
from beam_tuning.run_folder.names import FileRole

_shards = st.builds(Shard, st.sampled_from(["train", "validation"]), st.integers(0, 200_000), st.integers(1, 200_000))


@given(shard=_shards, media_files=st.integers(1, 3))
def test_every_name_has_its_role(shard: Shard, media_files: int) -> None:
    for verdict in Verdict:
        assert names.role_of(names.lines_file(shard, verdict)) == FileRole(verdict.value)
    assert names.role_of(names.verdicts_file(shard)) is FileRole.VERDICTS
    assert names.role_of(names.media_file(0, media_files)) is FileRole.MEDIA
    assert names.role_of(names.tuning_file(shard.split)) is FileRole.TUNING_FILE
    everything = list(names.all_names([shard], media_files))
    assert len(everything) == len(set(everything))
    assert all(names.role_of(name) for name in everything)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "notes.txt",
        "train",
        "train/labels.csv",
        "train/kept-0-of-1.jsonl",
        "train/kept-00000-of-00001.jsonl.incomplete",
        "train/../kept-00000-of-00001.jsonl",
        "/train.jsonl",
        "other/train.jsonl",
        "media/clip.wav",
        "media/media-00000-of-00001.parquet\n",
        "verdicts/test-00000-of-00001.parquet",
        "manifest.json",
        "unfinished-run.json",
    ],
)
def test_other_names_have_none(name: str) -> None:
    assert names.role_of(name) is None
