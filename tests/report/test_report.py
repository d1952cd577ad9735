from __future__ import annotations

from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from shark_core.errors import DataError
from shark_core.evaluation.slices import NEW_ROWS, SliceComparison
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.publish.written import Written
from shark_core.report.html import render_html
from shark_core.report.run_report import RunReport
from shark_core.report.stored import read_report, stored_text, write_report
from shark_core.report.text import short_text
from shark_core.schemas import REPORT
from tests.report.examples import example_report

DAY = date(2026, 1, 3)


class Page(HTMLParser):
    """Text and tags of a page, refusing what is left open."""

    VOID = ("meta", "link", "br", "hr", "img")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    html = render_html(example_report())
    assert Page(html).links == []
    assert "script" not in Page(html).tags
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_begins_with_the_verdict() -> None:
    text = Page(render_html(example_report(passed=False))).text
    verdict = text.index("Gate failed: auc_drop.")
    assert verdict < text.index("Quality on the test slice")
    assert "stays out of production" in text


def test_the_page_shows_a_gates_interval_beside_what_is_held_against_the_limit() -> None:
    text = Page(render_html(example_report())).text
    assert "auc_drop passed -0.00040 [-0.00079, -0.00001] 0.000792 0.002 AUC may fall" in text
    assert "compression_ratio passed – 4.29 2.5" in text


def test_what_publishing_wrote_is_told_beside_what_it_would_have_been_whole() -> None:
    changes = example_report()
    assert "published 210 kB of 720 kB: 3 of 4 tables as changes" in " ".join(
        short_text(changes, "report.html").split()
    )
    whole = replace(changes, written=Written(720_000, 720_000, 4, 0))
    assert "720 kB, every table whole" in short_text(whole, "report.html")
    assert "whole it is 720 kB, but 3 of 4 tables" in Page(render_html(changes)).text
    assert "model included: every table whole" in Page(render_html(whole)).text


def test_the_page_shows_every_slice_with_both_models_calibration() -> None:
    text = Page(render_html(example_report())).text
    assert (
        "rare rows 900 200 -0.00110 [-0.00188, -0.00032] -0.00030 [-0.00050, -0.00010] "
        "1.0000 0.9800"
    ) in text


def test_the_page_shows_a_slice_that_has_no_auc() -> None:
    text = Page(render_html(example_report())).text
    assert "tab=4 17 0 – -0.00030 [-0.00050, -0.00010] – –" in text


def test_the_short_text_says_where_a_slice_has_no_auc() -> None:
    empty = SliceComparison(NEW_ROWS, 0, 0, None, None, None, None)
    told = short_text(replace(example_report(), slices=(empty,)), "x")
    assert "ΔAUC, new rows   not defined on 0 examples" in told


@pytest.mark.parametrize(
    ("churn", "sentence"),
    [
        (0.0123, "1.2 % of the rows changed their tier since the day before."),
        (None, "The day before has no tiers to compare with."),
    ],
)
def test_the_page_says_how_many_rows_changed_their_tier(churn: float | None, sentence: str) -> None:
    page = Page(render_html(replace(example_report(), churn=churn)))
    assert sentence in page.text


def test_the_page_shows_every_field_with_its_reason() -> None:
    text = Page(render_html(example_report())).text
    for field in example_report().fields:
        assert field.field in text
        assert field.reason in text


def test_the_page_shows_quarantine_reasons_and_inputs() -> None:
    text = Page(render_html(example_report())).text
    assert "label_missing 7 <0.1 %" in text
    assert "examples f00d" in text


def test_a_day_without_quarantine_or_positive_importance_renders() -> None:
    report = example_report()
    flat = tuple(replace(field, importance=0.0) for field in report.fields)
    records = replace(report.records, quarantined={})
    text = Page(render_html(replace(report, fields=flat, records=records))).text
    assert "0 went to quarantine" in text


def test_values_from_data_are_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    fields = (replace(example_report().fields[0], reason=hostile),)
    slices = (replace(example_report().slices[0], name=hostile),)
    gates = (replace(example_report().gates[0], name=hostile),)
    html = render_html(replace(example_report(), fields=fields, slices=slices, gates=gates))
    assert "script" not in Page(html).tags
    assert html.count("&lt;script&gt;") >= 3


def test_the_same_report_renders_to_the_same_page() -> None:
    assert render_html(example_report()) == render_html(example_report())


def test_a_report_survives_its_json() -> None:
    assert RunReport.from_json(example_report().to_json()) == example_report()


@pytest.mark.parametrize(
    "text", ["{}", "[]", "no json", *(f'{{"format_version": {v}}}' for v in (2, 3, 4))]
)
def test_a_document_that_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"report\.json is damaged"):
        RunReport.from_json(text)


def test_the_short_text_says_what_the_demo_promises() -> None:
    assert short_text(example_report(), "lake/report.html").splitlines() == [
        "demo 2026-01-03: all gates passed",
        "  embedding bytes  3.00 MB → 700 kB (4.29 × smaller)",
        "  plan             2026-01-02-ab12cd34 applied (approved by ann); "
        "2026-01-03-00ff00ff proposed by plan-pruning, run 8",
        "  fields pruned    1 of 4: noise_session",
        "  rows by tier     fp32 0.2 % (20), fp16 3.2 % (300), int8 96.6 % (9,000); "
        "1.2 % changed since the day before",
        "  published        210 kB of 720 kB: 3 of 4 tables as changes",
        "  AUC              0.7312 baseline → 0.7308 compressed "
        "(difference -0.00040 [-0.00079, -0.00001])",
        "  log-loss         0.5512 baseline → 0.5514 compressed "
        "(difference +0.00020 [+0.00000, +0.00040])",
        "  ΔAUC, new rows   -0.00030 [-0.00050, -0.00010] on 1,234 examples",
        "  ΔAUC, rare rows  -0.00110 [-0.00188, -0.00032] on 900 examples",
        "  snapshot         0123456789abcdef",
        "  report           lake/report.html",
    ]


def test_a_stored_report_names_the_page_that_is_there(tmp_path: Path) -> None:
    lake, target = Lake(str(tmp_path)), partition(REPORT, DAY)
    with PartitionWriter(lake, target, RunStamp("c", "v")) as writer:
        write_report(writer, example_report())
        writer.commit({})
    assert read_report(lake, DAY) == example_report()
    page = Path(stored_text(lake, DAY).split()[-1])
    assert page.read_text() == render_html(example_report())
