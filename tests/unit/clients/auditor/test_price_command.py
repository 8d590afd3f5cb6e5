"""``fedscore-audit price``: what it prints, and how it exits."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clients.auditor import pricing
from clients.auditor.cli import main
from clients.auditor.contrasts import judge_noise
from clients.auditor.price_text import price_json, price_text
from clients.auditor.pricing import price_audit
from clients.auditor.verdict import verdict_text
from protocols.ledger.entry import GROSS_ERROR, Mechanism
from protocols.ledger.epsilons import say_epsilon
from tests.adversarial.ledger.honest import FOUR, HISTOGRAM, World, charter_toml, claiming, masked


def _world() -> World:
    """East and north close; west is missing once and never closes; a sum has a fault."""
    world = masked()
    world.round("run-1", (1, 1), HISTOGRAM, FOUR)
    order = world.order("run-1", (2, 1), HISTOGRAM, FOUR)
    world.close_round(order, [world.spend(name, order) for name in FOUR[:3]], ["west"])
    order = world.order("run-1", (2, 2), HISTOGRAM, FOUR[:3])
    spends = [world.spend(name, order) for name in FOUR[:3]]
    world.close_round(order, spends, fault=GROSS_ERROR)
    for name in FOUR[:3]:
        world.close_run(name, "run-1")
    return world


WORLD = _world()


def _write(world: World, folder: Path) -> Path:
    (folder / "charter.toml").write_text(charter_toml(world.table), encoding="utf-8")
    (folder / "signatures.json").write_bytes(world.signatures)
    (folder / "log").mkdir()
    world.write(folder / "log")
    return folder


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Return a folder with charter, signatures and an exported log, all true."""
    return _write(WORLD, tmp_path)


def _price(case: Path, *more: str) -> int:
    return main(["price", str(case / "log"), "--charter", str(case / "charter.toml"), *more])


def _text(world: World) -> str:
    audit = world.audit()
    return price_text(audit, price_audit(audit, world.terms), judge_noise(audit.sums))


def test_a_true_log_whose_prices_agree_exits_0(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _price(case) == 0
    said = capsys.readouterr().out
    assert said == _text(WORLD) + "\n"
    assert said.startswith(verdict_text(WORLD.audit()))
    assert said.splitlines()[-1].startswith("AGREED: ")


def test_each_partner_has_a_line_for_each_cap() -> None:
    lines = [line.split() for line in _text(WORLD).splitlines()]
    audit = WORLD.audit()
    for row in audit.partners:
        assert row.claimed is not None
        for view in ("released", "worst"):
            spent, price = (getattr(each, f"{view}_micro") for each in (row.spent, row.price))
            numbers = (spent, spent, price - spent, price, 1_000_000, 1_000_000 - price)
            assert [row.name, view, *map(say_epsilon, numbers)] in lines
    assert audit.partners[-1].open_runs == ("run-1",)


def test_each_view_has_a_line_for_each_history() -> None:
    text = _text(WORLD)
    priced = price_audit(WORLD.audit(), WORLD.terms)
    assert text.count("closed form       PLD     Renyi       cap") == 2
    assert "\nat east, north, south  " in text
    assert "\nat west  " in text
    for row in (priced.partners[0], priced.partners[-1]):
        for view in row.views:
            three = (view.closed_micro, view.pld_micro, view.rdp_micro)
            cap = "1.000000" if view.cap_micro else "-"
            assert f"{view.label} {' '.join(map(say_epsilon, three))} {cap}".split() in [
                line.split() for line in text.splitlines()
            ]
    assert "anybody at most" in text


def test_programs_read_json(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _price(case, "--json") == 0
    said = capsys.readouterr().out
    audit = WORLD.audit()
    priced = price_audit(audit, WORLD.terms)
    assert said == price_json(audit, priced, judge_noise(audit.sums)) + "\n"
    table = json.loads(said)
    assert (table["is_true"], table["pricing"]["agree"]) == (True, True)
    assert table["pricing"]["delta"] == "1e-05"
    assert table["pricing"]["partners"][0]["views"][0]["pld_micro"] == (
        priced.partners[0].views[0].pld_micro
    )
    assert table["pricing"]["population"][0]["partner"] == priced.population[0].partner
    (first, second) = table["noise"]["sums"]
    assert (first["round"], first["verdict"], first["p_value"] > 0.5) == (
        1,
        "as it should be",
        True,
    )
    assert table["noise"]["false_alarm"] == 1e-6
    assert second["fault"] == table["faults"][0]["fault"] == "gross-error"
    assert table["voids"][0]["missing"] == ["west"]
    assert table["cohort_changes"][0]["left"] == ["west"]
    assert table["findings"] == []


def test_signatures_may_lie_elsewhere(case: Path) -> None:
    elsewhere = case / "elsewhere.json"
    (case / "signatures.json").rename(elsewhere)
    assert _price(case) == 2
    assert _price(case, "--signatures", str(elsewhere)) == 0


def test_an_altered_log_exits_1(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = (case / "log" / "tile" / "entries" / "000.p").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"', b"'", 1))
    assert _price(case) == 1
    assert "NOT TRUE" in capsys.readouterr().out


def test_a_claim_too_low_is_a_finding_and_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = masked()
    order = world.order("run-1", (1, 1), HISTOGRAM, FOUR)
    world.spend("east", order, spent=claiming(released_micro=5))
    assert _price(_write(world, tmp_path)) == 1
    said = capsys.readouterr().out
    assert "FINDING" in said
    assert "DIFFERS  east, claimed: released 5, " in said
    assert "NOT AGREED: 1 of the prices" in said


def test_prices_that_differ_exit_1_though_the_log_is_true(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pricing, "_others", lambda *_, is_priceless: (999, 10_000_000))
    assert _price(case) == 1
    said = capsys.readouterr().out
    assert "\nTRUE: " in said
    assert "DIFFERS  north, person worst, 2 lenders: closed form " in said


def test_a_sum_with_wrong_noise_is_shown_and_the_others_are_counted() -> None:
    audit = WORLD.audit()
    silent = replace(audit.sums[1], contrasts=40, squares_milli=2_000)
    bent = replace(audit, sums=(audit.sums[0], silent))
    text = price_text(bent, price_audit(bent, WORLD.terms), judge_noise(bent.sums))
    assert "noise    of all 2 opened sums together: too little, 0.156 of what is" in text
    assert "NOISE    run run-1, round 2.2, histogram: too little, 0.050 of what is" in text
    assert "at most one log in 1,000,000, all tests together" in text


def test_before_the_first_spend_nothing_is_claimed_or_seen() -> None:
    text = _text(masked())
    assert ["east", "released", "-", "0.000000"] in [
        line.split()[:4] for line in text.splitlines() if line.startswith("east")
    ]
    assert "of all 0 opened sums together: no contrasts, nothing can be seen" in text


def test_more_spent_than_was_allowed_has_a_remainder_below_zero_nowhere() -> None:
    world = World()
    world.authorise("north", "run-1", spare_attempts=0)
    order = world.order("run-1", (1, 1), Mechanism("histogram", "5"), ("north", "south"))
    for _ in range(3):
        world.spend("north", order)
    rows = [line.split() for line in _text(world).splitlines()]
    (north,) = [row for row in rows if row[:2] == ["north", "released"]]
    assert north[4] == "0.000000"


def test_a_missing_package_is_named_with_what_to_install(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "clients.auditor.contrasts")
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    assert _price(case) == 2
    said = capsys.readouterr().err
    assert 'ConfigError: price needs scipy.special: pip install "fedscore[audit]"' in said


def test_a_fault_of_our_own_is_not_called_a_missing_package(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "clients.auditor.contrasts", None)
    with pytest.raises(ModuleNotFoundError):
        _price(case)
