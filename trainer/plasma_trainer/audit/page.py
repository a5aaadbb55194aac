# SPDX-License-Identifier: Apache-2.0
"""The audit as a page that needs nothing but itself: the verdict, what it rests on, and the pictures that convince."""

from __future__ import annotations

import base64
from html import escape

from plasma_trainer.audit.evidence import Evidence, doubtful, promise, support_map
from plasma_trainer.audit.report import THRESHOLDS, AuditReport

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Audit: {title}, {verdict}</title>
<style>
 body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328 }}
 h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.1rem; margin-top: 2rem }} img {{ max-width: 100% }}
 .verified {{ color: #1a7f37 }} .failed {{ color: #c0392b }} .unverified {{ color: #9a6700 }}
 table {{ border-collapse: collapse }} th, td {{ padding: .25rem 1rem .25rem 0; text-align: left }}
 td + td {{ font-variant-numeric: tabular-nums }} tr {{ border-bottom: 1px solid #d8dee4 }}
 .over td {{ color: #c0392b }}
</style>
<h1>{title}: <span class="{verdict}">{verdict}</span></h1>
<p>{sentence}</p>
<table><tr><th>score<th>found<th>threshold</tr>{scores}</table>
<p>Offline scores rank policies and warn; only a canary decides. {order}</p>
<h2>Where imagination went, and where the data is</h2>{support}
<h2>What was promised, and what was kept</h2>{promise}
<h2>The paths that the world doubts most</h2>
<p>Grey: the range of the data. Red: steps further from the data than 99 % of the data is from itself.</p>{doubtful}
</html>
"""


def page(title: str, report: AuditReport, evidence: Evidence) -> str:
    """The whole page, as HTML."""
    return PAGE.format(
        title=escape(title),
        verdict=report.verdict,
        sentence=escape(_sentence(report)),
        order=_order(report),
        scores="".join(_row(name, score) for name, score in report.scores.items()),
        support=_image(support_map(evidence), "support map"),
        promise=_image(promise(evidence), "return so far, imagined and real"),
        doubtful=_image(doubtful(evidence), "observations along the worst paths"),
    )


def _sentence(report: AuditReport) -> str:
    promised = f"Imagination promises a return of {report.imagined_return:.1f}."
    if report.canary is None:
        return f"{promised} No canary was flown, so nothing is verified."
    canary = report.canary
    return (
        f"{promised} A canary of {canary.episodes} real episodes, {canary.real_steps} steps, was promised "
        f"{canary.promised_return:.1f} and earned {canary.real_return:.1f}."
    )


def _order(report: AuditReport) -> str:
    if report.order is None:
        return ""
    return f"What the run's checkpoints are promised, and what they earned: rank correlation {report.order:.2f}."


def _row(name: str, score: float) -> str:
    over = " class=over" if score > THRESHOLDS[name] else ""
    return f"<tr{over}><td>{name}<td>{score:.3f}<td>{THRESHOLDS[name]:.2f}</tr>"


def _image(png: bytes, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
