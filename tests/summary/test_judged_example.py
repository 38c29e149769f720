"""What becomes of a judged example that a sample leaves out."""

from __future__ import annotations

from tuning_lines import VIDEO_URI, example, found_video, judged, video

from beam_tuning.reasons import Verdict
from beam_tuning.summary.judged_example import sampled_out


def test_only_what_would_be_kept_is_left_out_under_each_profile() -> None:
    kept = judged(example(video(), resolution="MEDIA_RESOLUTION_LOW"), {VIDEO_URI: found_video(301.0)})
    assert {entry.verdict for entry in kept.what_if} == {Verdict.KEPT, Verdict.DROPPED}
    left_out = sampled_out(kept)
    assert left_out.verdict is Verdict.SAMPLED_OUT
    instead = {Verdict.KEPT: Verdict.SAMPLED_OUT, Verdict.DROPPED: Verdict.DROPPED}
    assert [entry.verdict for entry in left_out.what_if] == [instead[entry.verdict] for entry in kept.what_if]
    unchanged = [(entry.profile, entry.tokens, entry.over) for entry in kept.what_if]
    assert [(entry.profile, entry.tokens, entry.over) for entry in left_out.what_if] == unchanged
