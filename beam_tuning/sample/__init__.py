"""A small dataset of real audio and video with planted faults, and what the job must say of each of its lines."""

from beam_tuning.sample.dataset import SAMPLE_MODEL as SAMPLE_MODEL
from beam_tuning.sample.dataset import ExpectedLine as ExpectedLine
from beam_tuning.sample.dataset import Sample as Sample
from beam_tuning.sample.dataset import write_sample as write_sample
