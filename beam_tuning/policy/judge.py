"""The verdict on one example: all rules run, all findings are kept, in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping

from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.parse import ParsedLine
from beam_tuning.dataset.tokens import picture_tokens, text_and_audio_tokens
from beam_tuning.media.info import ProbeResult
from beam_tuning.policy.choices import LengthBasis
from beam_tuning.policy.example_facts import ExampleFacts, part_facts, usage_of
from beam_tuning.policy.policy import Policy as Policy
from beam_tuning.policy.profiles import Profile as Profile
from beam_tuning.policy.profiles import what_if_profiles as what_if_profiles
from beam_tuning.policy.ruleset import findings_of
from beam_tuning.policy.what_if import usual_use, what_if
from beam_tuning.reasons import Verdict, verdict_of
from beam_tuning.summary.judged_example import JudgedExample, TokenRange

# Looking an enum's member up costs more than comparing it.
_SEGMENT = LengthBasis.SEGMENT


def judge(
    policy: Policy,
    line_id: LineId,
    size_bytes: int,
    parsed: ParsedLine,
    media: Mapping[str, ProbeResult],
    *,
    with_what_if: bool = True,
) -> JudgedExample:
    """Judges one example. Raises nothing, whatever the line and the media hold.

    Args:
      size_bytes: of the line, without its newline.
      media: what probing found, by URI; a URI that is missing makes the example undecided.
      with_what_if: whether the what-if profiles are worked out, which takes as long as all else.
    """
    example = parsed.example
    if example is None:
        verdict = verdict_of(parsed.findings, policy.tolerated)
        return JudgedExample(line_id, size_bytes, verdict, parsed.findings)
    of_segment = policy.length_basis is _SEGMENT
    parts = tuple([part_facts(part, media, of_segment=of_segment) for part in example.media])
    usage = usage_of(example, parts, policy.limits)
    resolution = example.media_resolution
    part_levels = policy.limits.part_media_resolution.value
    pictures = None if usage is None else picture_tokens(usage, policy.rates, resolution, part_levels=part_levels)
    base = (0, 0) if usage is None else text_and_audio_tokens(usage, policy.rates)
    tokens = None if pictures is None else TokenRange(base[0] + pictures[0], base[1] + pictures[1])
    facts = ExampleFacts(policy, policy.limits, example, parts, usage, base, tokens)
    findings = parsed.findings + findings_of(facts)
    frame_use = usual_use(facts, findings) if with_what_if else None
    return JudgedExample(
        line_id=line_id,
        size_bytes=size_bytes,
        verdict=verdict_of(findings, policy.tolerated) if findings else Verdict.KEPT,
        findings=findings,
        media=parts,
        media_resolution=resolution,
        text_chars=example.text_chars,
        tokens=tokens,
        prompt_start=example.prompt_start,
        answer_start=example.answer_start,
        what_if=what_if(facts, parsed.findings, findings) if with_what_if and frame_use is None else (),
        frame_use=frame_use,
    )
