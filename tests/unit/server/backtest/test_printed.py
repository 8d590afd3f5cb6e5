"""What a backtest prints: JSON that adds up, and a text and a page that say the same."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from protocols.errors import ConfigError
from server.backtest.agreement import Agreement, jeffreys_p
from server.backtest.page import backtest_html, write_page
from server.backtest.printed import FORMAT, backtest_json, backtest_text
from server.backtest.run import Tried
from server.backtest.words import agreement_mark, assumed, change_name, change_sizes
from tests.unit.server.backtest.world import past_table, report, rulebook, run, strict_table
from tests.unit.server.batch.world import write_parquet

ROWS = 400


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    path = tmp_path_factory.mktemp("printed") / "past.parquet"
    strict = strict_table()
    strict["name"] = "a-strict-policy"
    return run(write_parquet(path, past_table(ROWS)), rulebook(strict), rulebook())


class _Tags(HTMLParser):
    """Holds a page to tags that close in their order, and remembers what they are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _said(tried: Tried) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(backtest_json(tried, report(tried)))
    return said


def test_json_holds_whole_money_and_shares_as_text(tried: Tried) -> None:
    said = _said(tried)
    assert (said["format"], said["currency"], said["rows"]) == (FORMAT, "USD", ROWS)
    assert said["policies"]["A"]["name"] == "a-strict-policy"
    assert said["policies"]["A"]["loss_terms"][0]["origin"] == "OTHER"
    total = said["total"]
    assert isinstance(total["a"]["limit_minor"], int)
    assert re.fullmatch(r"0\.\d{6}", total["a"]["approval_rate"])
    assert sum(swap["count"] for swap in total["swaps"].values()) == total["count"] == ROWS


def test_json_adds_up_over_segments_bands_and_moves(tried: Tried) -> None:
    said = _said(tried)
    for parts in (said["segments"].values(), [one["figures"] for one in said["bands"]]):
        assert sum(one["count"] for one in parts) == ROWS
        assert sum(one["b"]["limit_minor"] for one in parts) == said["total"]["b"]["limit_minor"]
    assert sum(one["count"] for one in said["moves"]) == ROWS


def test_the_text_says_who_is_compared_and_what_is_assumed(tried: Tried) -> None:
    text = backtest_text(tried, report(tried))
    assert f"compared {ROWS} of {ROWS} applicants" in text
    for start in ("all: 400", "CONSUMER: ", "MICRO_SMALL_BUSINESS: ", "approval rate "):
        assert f"\n{start}" in text
    for sentence in assumed(tried):
        assert sentence in text


def test_what_is_assumed_names_each_policys_own_terms(tried: Tried) -> None:
    said = "\n".join(assumed(tried))
    assert "A, CONSUMER: LGD 0.6, drawn 0.8 of the limit, the other policy's terms" in said
    assert "B, CONSUMER: LGD 0.6, drawn 0.8 of the limit, its own terms." in said
    assert "by different terms" not in said


def test_whether_probabilities_hold_is_said_where_it_is_known(tried: Tried) -> None:
    known = [one for one in _said(tried)["bands"] if one["agreement"]["known"]]
    assert known
    assert all(re.fullmatch(r"[01]\.\d{6}", one["agreement"]["jeffreys_p"]) for one in known)
    text = backtest_text(tried, report(tried))
    page = _Tags()
    page.feed(backtest_html(tried, report(tried)))
    for one in known:
        p = f"{float(one['agreement']['jeffreys_p']):.3f}"
        assert re.search(rf"\n{one['segment']}, {one['band']} .* {p}", text)
        assert p in page.text
    assert "does the PD hold" not in backtest_text(
        replace(tried, is_outcome_known=False), report(tried)
    )


@pytest.mark.parametrize(
    ("p", "bad", "mark"),
    [
        (None, 10, ""),
        (0.049, 10, "PD too low"),
        (0.05, 10, ""),
        (0.049, 5, ""),
        (0.95, 1, ""),
        (0.951, 1, "PD too high"),
        (0.951, 5, ""),
    ],
)
def test_a_band_is_marked_where_chance_alone_would_seldom_say_so(
    p: float | None, bad: int, mark: str
) -> None:
    """Five of a hundred are foreseen."""
    band = Agreement(100, bad, Fraction(5, 100), Fraction(bad, 100), p)
    assert agreement_mark(band) == mark


def test_a_band_of_few_and_safe_loans_none_of_which_went_bad_is_not_marked() -> None:
    foreseen = Fraction(5, 10_000)
    p = jeffreys_p(0, 3, p_default=float(foreseen))
    assert p < 0.05
    assert agreement_mark(Agreement(3, 0, foreseen, Fraction(0), p)) == ""


def test_sizes_of_changes_have_names() -> None:
    names = [change_name(size) for size in change_sizes()]
    assert names == [
        *("over 50 % less", "25 to 50 % less", "10 to 25 % less", "up to 10 % less", "the same"),
        *("up to 10 % more", "10 to 25 % more", "25 to 50 % more", "over 50 % more"),
    ]


def test_the_page_is_whole_and_loads_nothing(tried: Tried) -> None:
    page = _Tags()
    page.feed(backtest_html(tried, report(tried)))
    assert page.open == []
    tags = [tag for tag, _ in page.seen]
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert not any(name in said for _, said in page.seen for name in ("src", "href", "onload"))
    plots = [said for tag, said in page.seen if tag == "svg"]
    assert len(plots) > 30
    assert all(said["aria-label"] for said in plots)
    for tag, said in page.seen:
        if tag == "rect":
            assert 0 <= float(said["width"] or "") <= 240


def test_the_page_says_what_the_json_says(tried: Tried) -> None:
    page = _Tags()
    page.feed(backtest_html(tried, report(tried)))
    for words in ("a-strict-policy", "All applicants", "CONSUMER, band A of A", "Swap sets"):
        assert words in page.text
    total = _said(tried)["total"]
    assert f"{100 * float(total['a']['approval_rate']):.2f} %" in page.text
    for sentence in assumed(tried):
        assert sentence in page.text


def test_a_page_is_written_under_a_name_that_says_so(tried: Tried, tmp_path: Path) -> None:
    write_page(tried, report(tried), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(ConfigError, match=r"report\.pdf: expected a name that ends in \.html"):
        write_page(tried, report(tried), tmp_path / "report.pdf")
    with pytest.raises(ConfigError, match=r"report\.html: cannot be written"):
        write_page(tried, report(tried), tmp_path / "nowhere" / "report.html")
