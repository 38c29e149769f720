"""`reconcile.html`: the document as a page in the style of the report. It asks nobody for anything and runs nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from beam_tuning.reconcile.document import NO_FINDING, Reconciliation
from beam_tuning.report import wording
from beam_tuning.report.links import media_link

#: Lines of each list; the document has more.
_SHOWN = 500


def render_page(document: Reconciliation, folder: str) -> str:
    """The page.

    Args:
      folder: path or URI of the run.
    """
    css = resources.files("beam_tuning.report").joinpath("page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html")
        .render(
            document=document,
            folder=folder,
            css=Markup(css),  # noqa: S704 - our own file
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            lists=[
                ("kept-by-us", "Dropped by the service, kept by the run", document.kept_by_us),
                ("dropped-by-both", "Dropped by both", document.dropped_by_both),
                ("kept-by-service", "Dropped by the run, taken by the service", document.kept_by_service or ()),
            ],
            distributions=[
                ("Service, input", document.input_tokens),
                ("Service, output", document.output_tokens),
                ("Run, low end of the estimate", document.estimate.low),
                ("Run, high end of the estimate", document.estimate.high),
            ],
            shown=_SHOWN,
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: resources.files("beam_tuning.reconcile").joinpath(name).read_text("utf-8")
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=wording.count, size=wording.size, link=lambda uri: link.href if (link := media_link(uri)) else None
    )
    environment.globals.update(length=wording.length, NO_FINDING=NO_FINDING)
    return environment


def _shown(value: Any) -> Any:
    """Any text: nothing in it is hidden or turns the direction of what stands beside it."""
    return wording.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
