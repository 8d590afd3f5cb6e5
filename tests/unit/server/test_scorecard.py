"""A scorecard for people and programs says the same everywhere, and nothing a reader could run."""

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from model.artifacts import Release
from model.points import points_table
from model.queries.evaluation import SCORE_BINS
from protocols.errors import ConfigError
from server.config import load_settings
from server.federation import open_federation
from server.registry import Registry
from server.scorecard import (
    bands,
    scorecard_csv,
    scorecard_html,
    scorecard_json,
    scorecard_text,
    segments,
    write_scorecard,
)
from tests.simulator import CONTRACT, found_world

ODD = '=cmd|"<script>alert(1)</script>"'


STRAIN = """
[[fields]]
kind = "numeric"
name = "strain"
label = "Use of lines against income"
unit = "percent a unit of income"
low = "0"
high = "1"
spacing = "linear"
formula = "ratio"
of = ["usage"]
over = ["income"]
group = "bureau"
computed_from = "own"
may_be_missing = true
direction = "rising"
reason_code = "STRAIN"
reason = "Much of the lines is used, given the income"
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Return a trained release whose contract has a label that means no good."""
    contract = CONTRACT.replace('label = "Housing"', f"label = '{ODD}'")
    contract = STRAIN.join((contract, "")).replace(
        "schema = 1", 'schema = 1\nsegments = ["housing"]'
    )
    world = found_world(
        tmp_path_factory.mktemp("scorecard"), sizes=(200, 150, 150), contract=contract
    )
    world.train()
    world.close()
    federation = open_federation(load_settings(world.server / "server.toml"))
    return Registry(federation.settings.releases, federation.terms).open()


def test_programs_get_every_bin_with_exact_points(release: Release) -> None:
    table = json.loads(scorecard_json(release))
    expected = points_table(release.scorecard)
    assert table["release"] == release.digest.hex()
    assert float(table["average_points"]) == pytest.approx(expected.average, abs=1e-6)
    assert [field["name"] for field in table["fields"]] == ["income", "usage", "housing", "strain"]
    for field, part in zip(table["fields"], expected.fields, strict=True):
        said = [(item["label"], float(item["points"])) for item in field["bins"]]
        assert said == [(row.label, pytest.approx(row.points, abs=1e-6)) for row in part.rows]


def test_a_table_has_one_line_a_bin_and_no_formula(release: Release) -> None:
    head, average, *lines = csv.reader(io.StringIO(scorecard_csv(release)))
    assert head == ["field", "label", "values", "points", "share"]
    assert average[1] == "average borrower"
    assert len(lines) == sum(release.scorecard.encoding.bin_counts)
    assert not any(cell[:1] in ("=", "@", "\t") for line in lines for cell in line)
    assert any(cell == f"'{ODD}" for line in lines for cell in line)


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [name for name, _ in attrs if name in ("src", "href", "style")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_every_bin_with_a_plot_and_loads_nothing(release: Release) -> None:
    page = _Page(scorecard_html(release))
    bins = sum(release.scorecard.encoding.bin_counts)
    assert page.tags.count("svg") == bins
    assert "script" not in page.tags
    assert page.loads == []
    for part in points_table(release.scorecard).fields:
        for row in part.rows:
            assert row.label in page.text
            assert f"{row.points:+.1f}" in page.text
    assert ODD in page.text


def test_the_hold_outs_word_is_there_in_bands_of_points(release: Release) -> None:
    said = release.manifest.evaluation
    points = [float(band.least_points) for band in said.bands if band.least_points is not None]
    assert len(points) == len(said.bands) - 1 == SCORE_BINS - 1
    assert points == sorted(points, reverse=True)
    page = _Page(scorecard_html(release)).text
    for band in bands(release):
        assert band.points in page
        assert band.interval in page
    assert json.loads(scorecard_json(release))["evaluation"]["auc"] == said.auc.model_dump()


def test_people_see_what_matters_most_first(release: Release) -> None:
    text = scorecard_text(release)
    table = points_table(release.scorecard)
    first = max(table.fields, key=lambda part: part.span)
    assert f"average            {table.average:.1f} points" in text
    assert [line.split()[0] for line in text.splitlines()[2:7]] == [
        "AUC",
        "KS",
        "Brier",
        "calibration",
        "bad",
    ]
    lines = text.splitlines()
    assert lines[14] == f"{first.field.label} ({first.origin})"


def test_a_computed_field_says_from_what(release: Release) -> None:
    said = "strain = usage / income"
    assert f"Use of lines against income ({said})" in scorecard_text(release)
    assert said in scorecard_html(release)
    *others, last = json.loads(scorecard_json(release))["fields"]
    assert last["origin"] == said
    assert [field["origin"] for field in others] == ["income", "usage", "housing"]


def test_a_bad_rate_of_which_nothing_is_known_is_not_given(release: Release) -> None:
    for band, shown in zip(release.manifest.evaluation.bands, bands(release), strict=True):
        assert (shown.bad == "-") == (shown.interval == "0.0 % to 100.0 %")
        assert (shown.bad == "-") == band.bad_rate.is_unknown


def test_segments_are_shown_wherever_people_read(release: Release) -> None:
    said = release.manifest.evaluation.segments
    assert [item.level for item in said] == ["rent", "own", "other", "missing"]
    text, page = scorecard_text(release), scorecard_html(release)
    for segment in segments(release):
        assert segment.name in text
        assert segment.name in page
        assert segment.auc in page
    shown = json.loads(scorecard_json(release))["evaluation"]["segments"]
    assert [item["stated"] for item in shown] == [item.stated for item in said]


def test_the_ending_says_what_is_written(release: Release, tmp_path: Path) -> None:
    for name, said in (
        ("a.html", scorecard_html(release)),
        ("a.CSV", scorecard_csv(release)),
        ("a.json", scorecard_json(release)),
    ):
        write_scorecard(release, tmp_path / name)
        assert (tmp_path / name).read_bytes() == said.encode()
    with pytest.raises(ConfigError, match=r"ends in \.html, \.csv or \.json"):
        write_scorecard(release, tmp_path / "a.xlsx")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_scorecard(release, tmp_path / "none" / "a.csv")
