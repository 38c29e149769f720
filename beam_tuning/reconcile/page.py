"""`reconcile.html`: the document as a page in the style of the report. It asks nobody for anything and runs nothing."""

from __future__ import annotations

from markupsafe import Markup

from beam_tuning.reconcile.document import NO_FINDING, Reconciliation
from beam_tuning.report import frame

#: Lines of each list; the document has more.
_SHOWN = 500


def render_page(document: Reconciliation, folder: str) -> str:
    """The page.

    Args:
      folder: path or URI of the run.
    """
    css = frame.page_part("page.css")
    environment = frame.page_environment("beam_tuning.reconcile")
    environment.globals.update(NO_FINDING=NO_FINDING)
    lists = [
        ("kept-by-us", "Dropped by the service, kept by the run", document.kept_by_us),
        ("dropped-by-both", "Dropped by both", document.dropped_by_both),
        ("kept-by-service", "Dropped by the run, taken by the service", document.kept_by_service or ()),
    ]
    listed = [(name, title) for name, title, lines in lists if lines]
    return environment.get_template("page.html").render(
        document=document,
        folder=folder,
        css=Markup(css),  # noqa: S704 - our own file
        script=None,
        policy=frame.content_security_policy(css),
        navigation=[("outcome", "Outcome"), *listed, ("tokens", "Tokens")],
        lists=lists,
        distributions=[
            ("Service, input", document.input_tokens),
            ("Service, output", document.output_tokens),
            ("Run, low end of the estimate", document.estimate.low),
            ("Run, high end of the estimate", document.estimate.high),
        ],
        shown=_SHOWN,
    )
