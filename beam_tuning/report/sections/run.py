"""When and where the run ran, and what probing took: all that differs between two runs over the same input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from beam_tuning.report.charts import run_pictures
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Count, Numbers, Part, numbers_of
from beam_tuning.summary.distributions import Distribution

if TYPE_CHECKING:
    from beam_tuning.report.document import Document


class ContainerCosts(Part, frozen=True, kw_only=True):
    """What probing the objects of one container took."""

    name: Annotated[str, Meta(description="A container, or a kind of failure.")]
    fresh: Count
    requests: Count
    received_bytes: Count
    object_bytes: Count
    latency_ms_sum: Count


class Probing(Part, frozen=True, kw_only=True):
    """What probing took."""

    fresh: Annotated[Count, Meta(description="Objects probed in this run.")]
    cached: Annotated[Count, Meta(description="Objects known from an earlier run.")]
    requests: Count
    retries: Count
    received_bytes: Count
    object_bytes: Annotated[
        Count, Meta(description="Size of the fresh objects: what whole downloads would have moved.")
    ]
    latency_ms: Numbers
    by_container: list[ContainerCosts]


class Run(Part, frozen=True, kw_only=True):
    """What differs between two runs over the same input."""

    started: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    finished: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    elapsed_s: Annotated[float, Meta(ge=0)]
    runner: str
    probing: Probing


def _run(facts: RunFacts) -> Run:
    costs = facts.media.costs
    latency = Distribution()
    for one in costs.values():
        latency.merge(one.latency_ms)
    times = facts.times
    return Run(
        started=times.started,
        finished=times.finished,
        elapsed_s=max(0.0, times.elapsed_s),  # a clock may be set back
        runner=times.runner,
        probing=Probing(
            fresh=sum(one.fresh for one in costs.values()),
            cached=sum(one.cached for one in costs.values()),
            requests=sum(one.requests for one in costs.values()),
            retries=sum(one.retries for one in costs.values()),
            received_bytes=sum(one.received_bytes for one in costs.values()),
            object_bytes=sum(one.object_bytes for one in costs.values()),
            latency_ms=Numbers(**numbers_of(latency)),
            by_container=[
                ContainerCosts(
                    name=name,
                    fresh=one.fresh,
                    requests=one.requests,
                    received_bytes=one.received_bytes,
                    object_bytes=one.object_bytes,
                    latency_ms_sum=one.latency_ms.total,
                )
                for name, one in sorted(costs.items())
            ],
        ),
    )


def _context(document: Document) -> Mapping[str, Any]:
    return {"pictures": run_pictures(document.run)}


SECTION: Section = Section(
    name="run",
    title="Run",
    fields=(Field("run", _run, "times, runner, and what probing took"),),
    template="run.html",
    context=_context,
)
