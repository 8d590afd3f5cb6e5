"""The report as HTML: whole, quiet, escaped, and in one language."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from clients.auditor.facts import Facts
from clients.auditor.pricing import Disagreement
from clients.auditor.report.page import render
from clients.auditor.report.words import LANGUAGES, load_words
from protocols.ledger.audit import Finding
from protocols.ledger.epsilons import say_epsilon
from tests.adversarial.ledger.honest import World
from tests.unit.clients.auditor.report.test_words import CJK
from tests.unit.clients.auditor.report.worlds import facts_in, false_facts, true_facts

VOID = {"meta"}
HOSTILE = '<script src="https://evil.example/x.js">"\'&</script>'


class Page(HTMLParser):
    """Collects tags and text, and minds that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All visible text, as one line."""
        return " ".join(" ".join(self.texts).split())


def html(facts: Facts, language: str = "en") -> str:
    """Return the page."""
    return render(facts, load_words(language))


@pytest.mark.parametrize("facts", [true_facts(), false_facts()], ids=["true", "false"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_whole_and_loads_nothing(facts: Facts, language: str) -> None:
    written = html(facts, language)
    page = Page(written)
    assert page.open == []
    assert ("html", "lang", language) in page.attributes
    assert not page.tags.keys() & {"script", "link", "img", "iframe", "object", "base"}
    assert {name for _, name, _ in page.attributes} & {"src", "href", "onload", "style"} == set()
    assert "url(" not in written
    assert "@import" not in written
    assert "http://" not in written
    assert "https://" not in written
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_a_page_can_be_read_aloud() -> None:
    page = Page(html(true_facts()))
    assert page.tags["h1"] == 1
    assert page.tags["caption"] == page.tags["table"]
    scopes = [value for tag, name, value in page.attributes if (tag, name) == ("th", "scope")]
    assert len(scopes) == page.tags["th"]
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == page.tags["svg"] == 1 + len(true_facts().partners)
    assert all(labels)


def test_the_numbers_are_those_of_the_facts() -> None:
    text = Page(html(true_facts())).text
    for partner in true_facts().partners:
        for view in partner.views:
            for micro in (view.closed_micro, view.pld_micro, view.rdp_micro):
                assert say_epsilon(micro) in text
    assert true_facts().who.root in text
    assert true_facts().who.charter in text
    first, second = true_facts().who.charters
    assert (second.digest, second.index > 0) == (true_facts().who.charter, True)
    assert f"{first.digest} until entry {second.index}" in text
    assert "fa" * 32 in text
    for said in ("first 2.1 void attempt: missing were west", "first 2.2 sum opened and not used"):
        assert said in text
    assert "left the cohort alone" in text


def test_a_true_log_is_green_at_the_top() -> None:
    written = html(true_facts())
    assert '<p class="verdict good" role="status"><strong>TRUE.</strong>' in written
    assert 'class="verdict bad"' not in written
    assert 'class="status NOT_SO"' not in written


def test_a_false_log_is_red_at_the_top_and_in_the_list() -> None:
    written = html(false_facts())
    assert '<p class="verdict bad" role="status"><strong>NOT TRUE: 1 finding(s).' in written
    assert 'class="verdict good"' not in written
    assert written.count('class="status NOT_SO"') == 8
    assert "PriceError" in written


def test_prices_that_differ_are_red_at_the_top() -> None:
    apart = Disagreement("north", "released", "closed form 1, PLD 2")
    written = html(replace(true_facts(), disagreements=(apart,)))
    assert '<p class="verdict bad" role="status"><strong>THE ACCOUNTANTS DISAGREE.' in written
    assert "closed form 1, PLD 2" in written


def test_hostile_text_stays_text() -> None:
    facts = true_facts()
    found = Finding(HOSTILE, HOSTILE, HOSTILE)
    partners = tuple(replace(each, name=HOSTILE) for each in facts.partners)
    who = replace(facts.who, federation=HOSTILE, coordinator=HOSTILE, checkpoint=HOSTILE)
    for language in LANGUAGES:
        bent = replace(facts, is_true=False, findings=(found,), partners=partners, who=who)
        page = Page(html(bent, language))
        assert page.tags["script"] == 0
        assert page.open == []
        assert HOSTILE in "".join(page.texts)


def test_more_findings_than_paper_holds_are_counted() -> None:
    many = tuple(Finding("EntryError", f"leaf {n}", "x") for n in range(1000))
    text = Page(html(replace(true_facts(), is_true=False, findings=many))).text
    assert "200 of 1000 findings" in text
    assert "leaf 199" in text
    assert "leaf 200" not in text


def test_no_text_of_the_other_language_leaks() -> None:
    for facts in (true_facts(), false_facts(), facts_in(World())):
        assert not CJK.search(html(facts, "en"))
        shown = Page(html(facts, "zh")).text
        for key, text in load_words("en").texts.items():
            parts = re.split(r"\{[^}]*\}", text)
            leaked = [part for part in parts if len(part.split()) > 2 and part.strip() in shown]
            assert leaked == [], key


def test_a_federation_that_did_nothing_has_a_report_too() -> None:
    text = Page(html(facts_in(World()))).text
    for said in ("Nothing was spent or promised.", "There was no run.", "No sum was opened."):
        assert said in text
    assert "not said" in text


def test_the_same_facts_make_the_same_page() -> None:
    assert html(true_facts()) == html(true_facts())


def test_the_data_behind_a_run_its_witnesses_and_what_was_corrected_are_shown() -> None:
    facts = true_facts()
    text = Page(html(facts)).text
    for row in facts.lineage:
        assert [name for name, _ in row.epochs] == ["east", "north", "south", "west"]
        for _, commitment in row.epochs:
            assert commitment in text
    assert "5 witnesses remember this log, and 3 of them" in text
    assert f"Two versions of its first {facts.who.witnessed} entries of {facts.who.size}" in text
    assert "would need at least 1 of them to lie" in text
    (amend,) = facts.amends
    assert f"spend {amend.spend[:16]}… corrected upwards: its noise was 39.5" in text
    (report,) = facts.reports
    assert report.report_digest in text


def test_a_witness_that_cosigned_nothing_is_said_to_have_done_so_never() -> None:
    assert "west 0 never" in Page(html(facts_in(World()))).text
