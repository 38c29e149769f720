"""All rules, in the order in which they run: a module in `rules/` needs to be named nowhere."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import ModuleType

from beam_tuning.policy import rules
from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.rules.rule import Anew, Check, Rule, needs_met
from beam_tuning.reasons import Finding, FindingList


def rules_in(package: ModuleType) -> tuple[Rule, ...]:
    """The rules of a package's modules, which stand by their `POSITION`; of one module the rules as they stand there.

    Raises:
      AttributeError: a module has rules and no `POSITION`.
    """
    found: list[tuple[int, str, list[Rule]]] = []
    for one in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{one.name}")
        of_module = [value for value in vars(module).values() if isinstance(value, Rule)]
        if of_module:
            found.append((module.POSITION, one.name, of_module))
    return tuple(rule for _, _, of_module in sorted(found) for rule in of_module)


RULES: tuple[Rule, ...] = rules_in(rules)


def findings_of(facts: ExampleFacts, *, only: Anew | None = None) -> tuple[Finding, ...]:
    """What the rules find.

    Args:
      only: leaves out the rules that declare something else; None leaves out none.
    """
    findings: FindingList | None = None
    for check in _checks(needs_met(facts), only):
        for finding in check(facts):
            if findings is None:
                findings = FindingList()
            findings.add(finding)
    return () if findings is None else findings.as_tuple()


@functools.cache
def _checks(met: int, only: Anew | None) -> tuple[Check, ...]:
    """The checks that may find something when these needs are met."""
    return tuple(
        one.check for one in RULES if one.need.value & met == one.need.value and (only is None or one.anew is only)
    )
