"""What a rule declares beside itself is true, on generated examples and for every rule."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from generated_lines import EXAMPLES, POLICIES, URIS, answers
from hypothesis import given, settings
from hypothesis import strategies as st
from tuning_lines import GEMINI_2, GEMINI_3, LIMITS, Json, encoded, policy, text

from beam_tuning.dataset.parse import parse_line
from beam_tuning.media.info import ProbeResult
from beam_tuning.policy.choices import LengthBasis
from beam_tuning.policy.example_facts import ExampleFacts, part_facts, usage_of
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.rules.rule import Anew, Need, needs_met
from beam_tuning.policy.ruleset import RULES, findings_of, rules_in
from beam_tuning.reasons import FindingList, Reason, Scope
from beam_tuning.summary.judged_example import TokenRange

ROLES = st.lists(st.sampled_from(["user", "model", "", "system"]), min_size=1, max_size=4)
FUNCTION_PARTS = st.sampled_from(
    [{"functionCall": {"name": "f"}}, {"functionResponse": {"name": "f", "response": {}}}, text()]
)


@st.composite
def lines(draw: st.DrawFn) -> Json:
    """Any line, with any turns behind its own."""
    line = draw(EXAMPLES)
    more = [{"role": role, "parts": [draw(FUNCTION_PARTS)]} for role in draw(ROLES | st.just([]))]
    contents = line["contents"] if draw(st.booleans()) else line["contents"][::-1]
    return {**line, "contents": [*contents, *more]}


def facts_of(line: Json, media: dict[str, ProbeResult], rules: Policy) -> ExampleFacts:
    example = parse_line(encoded(line)).example
    assert example is not None
    of_segment = rules.length_basis is LengthBasis.SEGMENT
    parts = tuple(part_facts(part, media, of_segment=of_segment) for part in example.media)
    usage = usage_of(example, parts, rules.limits)
    return ExampleFacts(rules, rules.limits, example, parts, usage, (0, 0), TokenRange(131_072, 131_073))


@settings(max_examples=300)
@given(lines(), st.dictionaries(URIS, answers()), POLICIES, st.sampled_from([None, "MEDIA_RESOLUTION_LOW", "absent"]))
def test_a_rule_that_is_not_run_would_have_found_nothing(
    line: Json, media: dict[str, ProbeResult], rules: Policy, chosen: str | None
) -> None:
    facts = facts_of(line, media, msgspec.structs.replace(rules, chosen_resolution=chosen))
    everything = FindingList()
    for rule in RULES:
        for finding in rule.check(facts):
            assert finding.reason in rule.reasons, rule.name
            everything.add(finding)
    assert findings_of(facts) == everything.as_tuple()


@settings(max_examples=150)
@given(lines(), st.dictionaries(URIS, answers()), POLICIES, st.sampled_from([GEMINI_2, GEMINI_3, "gemini-2.0-flash"]))
def test_what_is_not_made_anew_does_not_change_with_the_model(
    line: Json, media: dict[str, ProbeResult], rules: Policy, model: str
) -> None:
    """Under the built-in limits, that is, in which models differ in nothing else."""
    facts = facts_of(line, media, rules)
    of_model = msgspec.structs.replace(facts, limits=LIMITS.model(model))
    for anew in (Anew.NEVER, Anew.GONE):
        assert findings_of(facts, only=anew) == findings_of(of_model, only=anew)


@pytest.mark.parametrize("anew", Anew)
def test_every_way_has_a_rule(anew: Anew) -> None:
    assert any(rule.anew is anew for rule in RULES)


def test_rules_have_names_of_their_own_and_every_reason_of_an_example_is_found_by_one_rule() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    found: dict[Reason, str] = {}
    for rule in RULES:
        for reason in rule.reasons:
            # Both find that a URI cannot be read: by its form, and because the store refused it.
            assert reason not in found or reason is Reason.FILE_URI_UNSUPPORTED
            found[reason] = rule.name
    of_media = {reason for reason in Reason if reason.scope is Scope.MEDIA}
    assert of_media <= set(found)


def test_most_rules_rest_on_a_usual_example() -> None:
    line: Any = {"contents": [{"role": "user", "parts": [text()]}, {"role": "model", "parts": [text()]}]}
    assert needs_met(facts_of(line, {}, policy())) == Need.NOTHING.value


RULE_FILE = """
from beam_tuning.policy.rules.rule import Need, rule
from beam_tuning.reasons import Reason

POSITION = {position}


@rule(Need.NOTHING, Reason.PART_EMPTY)
def {name}(facts):
    return iter(())
"""


def test_a_file_with_a_rule_needs_to_be_named_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "rules_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "helpers_of_rules.py").write_text("POSITIONS = ()")
    for module, position, name in (("b", 20, "second"), ("c", 10, "first"), ("a", 30, "third")):
        (folder / f"{module}.py").write_text(RULE_FILE.format(position=position, name=name))
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("rules_of_a_test")
    assert [rule.name for rule in rules_in(package)] == ["first", "second", "third"]
    (folder / "d.py").write_text(RULE_FILE.format(position=20, name="lost").replace("POSITION", "PLACE"))
    with pytest.raises(AttributeError, match=r"rules_of_a_test\.d.*POSITION"):
        rules_in(package)


def test_every_file_of_rules_has_a_position_of_its_own() -> None:
    modules = {rule.check.__module__ for rule in RULES}
    positions = [importlib.import_module(module).POSITION for module in modules]
    assert len(set(positions)) == len(modules) > 1
