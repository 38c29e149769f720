"""Small shards, in every process of Python that has this folder in PYTHONPATH: workers place lines too."""

from beam_tuning.dataset import layout

layout.SHARD_BYTES = 8_000
