"""A model card says what release and log say, in two languages, whatever a label holds."""

import json
import re
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import server.release
from model.artifacts import Release
from model.points import points_table
from protocols.contracts.charter import load_charter_model
from protocols.contracts.release import Interval
from protocols.errors import VerificationError
from protocols.ledger.entry import RoundOpen
from protocols.ledger.epsilons import say_epsilon
from server.config import load_settings
from server.federation import Federation, open_federation
from server.model_card import (
    LANGUAGES,
    Card,
    card_files,
    card_json,
    card_markdown,
    model_card,
    plain,
    read_card,
)
from server.registry import Registry
from tests.simulator import CONTRACT, World, found_world

LABEL = "Housing | `<script>alert(1)</script>` [x](http://example.com)"
COMMONMARK = MarkdownIt("commonmark").enable("table")  # it comes with rich


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    contract = CONTRACT.replace("schema = 1", 'schema = 1\nsegments = ["housing"]')
    contract = contract.replace('label = "Housing"', f"label = '{LABEL}'")
    trained = found_world(
        tmp_path_factory.mktemp("card"),
        sizes=(300, 200, 150, 150),
        epsilon_micro=20_000_000,
        run_epsilon_micro=10_000_000,  # little noise, so that curves have bins
        contract=contract,
    )
    lost: list[str] = []

    def once(name: str, delivery: object) -> object:
        if name == "p3" and len(lost) < 1 and getattr(delivery, "keys", b""):
            lost.append(name)
            return None
        return delivery

    trained.bend = once  # type: ignore[assignment]  # a partner that is missing once
    trained.train("run_1")
    trained.close()
    return trained


@pytest.fixture(scope="module")
def federation(world: World) -> Federation:
    return open_federation(load_settings(world.server / "server.toml"))


@pytest.fixture(scope="module")
def release(federation: Federation) -> Release:
    return Registry(federation.settings.releases, federation.terms).open()


def _leaves(release: Release, federation: Federation) -> tuple[bytes, ...]:
    return tuple(federation.scribe.log.leaves())[: release.manifest.log_size + 1]


def _card(release: Release, federation: Federation) -> Card:
    return model_card(release, _leaves(release, federation))


def _folder(release: Release, federation: Federation) -> Path:
    return federation.settings.releases / release.digest.hex()


def test_a_card_lies_beside_its_release_and_is_always_the_same(
    release: Release, federation: Federation
) -> None:
    card, folder = _card(release, federation), _folder(release, federation)
    assert (folder / "model-card.json").read_text() == card_json(card)
    for language in LANGUAGES:
        said = (folder / f"model-card.{language}.md").read_text()
        assert said == card_markdown(card, language=language)


def test_every_number_is_the_releases_or_the_logs(release: Release, federation: Federation) -> None:
    card = json.loads(card_json(_card(release, federation)))
    manifest = release.manifest
    said = json.loads(manifest.evaluation.model_dump_json(exclude_none=True))
    gini = card["evaluation"].pop("gini")
    assert card["evaluation"] == said
    assert float(gini["low"]) == pytest.approx(2 * float(said["auc"]["low"]) - 1, abs=1e-6)
    assert card["release"] == release.digest.hex()
    size = manifest.log_size
    assert card["log"] == {"size": size, "root": manifest.log_root, "entry": size}
    assert [x["partner"] for x in card["privacy"]] == ["p0", "p1", "p2", "p3"]
    assert [x["released_micro"] for x in card["privacy"]] == [
        x.released_micro for x in manifest.privacy
    ]
    points = [
        [(row.label, row.points) for row in part.rows]
        for part in points_table(release.scorecard).fields
    ]
    shown = [[(x["label"], float(x["points"])) for x in part["bins"]] for part in card["curves"]]
    assert shown == [[(label, pytest.approx(p, abs=1e-6)) for label, p in rows] for rows in points]
    orders = [x for _, x in federation.scribe.entries() if isinstance(x, RoundOpen)]
    assert sum(x["orders"] for x in card["training"]["asked"]) == len(orders)
    assert [x["query"] for x in card["training"]["asked"]] == list(
        dict.fromkeys(x.mechanism.query for x in orders)
    )


def test_a_repeated_order_and_who_was_missing_are_said(
    release: Release, federation: Federation
) -> None:
    card = _card(release, federation)
    assert card["training"]["repeated"] == 1
    assert card["training"]["missing"] == {"p3": 1}
    assert "1 orders were repeated, for want of p3 (1)" in card_markdown(card, language="en")
    assert "缺席者：p3（1）" in card_markdown(card, language="zh")


def test_a_partner_in_no_sum_is_not_among_those_it_was_trained_on(
    release: Release, federation: Federation
) -> None:
    training = _card(release, federation)["training"]
    assert training["partners"] == ["p0", "p1", "p2"]
    sums = sum(item["orders"] for item in training["asked"]) - training["repeated"]
    assert training["sums"] == {"p0": sums, "p1": sums, "p2": sums, "p3": 0}
    assert training["left"] == ["p3"]
    text = card_markdown(_card(release, federation), language="en")
    assert "It was trained on borrowers of 3 lenders (p0, p1, p2)." in text
    assert "or in none: `p3` (0)." in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_four_epsilons_are_on_paper_with_all_their_digits(
    language: str, release: Release, federation: Federation
) -> None:
    text = card_markdown(_card(release, federation), language=language)
    for item in release.manifest.privacy:
        caps = (item.released_cap_micro, item.worst_cap_micro)
        persons = (*item.person_micro[:4], *item.person_worst_micro[:4])  # four lenders there are
        for micro in (item.released_micro, item.worst_micro, *caps, *persons):
            assert say_epsilon(micro) in text
        if item.released_micro:  # p3 has spent nothing
            assert say_epsilon(item.person_micro[4]) not in text


def test_another_log_than_the_release_names_is_refused(
    release: Release, federation: Federation
) -> None:
    leaves = _leaves(release, federation)
    for wrong in (leaves[:-1], (*leaves, leaves[-1]), (*leaves[:-2], leaves[0], leaves[-1])):
        with pytest.raises(VerificationError, match="not the one that holds its run"):
            model_card(release, wrong)
    with pytest.raises(VerificationError, match="is not release"):
        model_card(release, (*leaves[:-1], leaves[-2]))
    stranger = release.manifest.model_copy(update={"charter_digest": "0" * 64})
    with pytest.raises(VerificationError, match="does not hold the charter"):
        model_card(replace(release, manifest=stranger), leaves)


def test_a_card_needs_no_key_and_no_data(
    world: World, release: Release, federation: Federation, tmp_path: Path
) -> None:
    for path in world.server.glob("log.sqlite*"):
        shutil.copy(path, tmp_path / path.name)
    _, terms = load_charter_model(world.server / "charter.toml")
    assert read_card(release, tmp_path / "log.sqlite", terms.log) == _card(release, federation)


@pytest.mark.parametrize("death", [OSError("the disk is full"), KeyboardInterrupt()])
def test_a_release_whose_card_could_not_be_written_is_finished_with_it(
    death: BaseException, tmp_path: Path
) -> None:
    world = found_world(tmp_path, sizes=(30, 20, 20))

    def die(_: Card) -> dict[str, str]:
        raise death

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server.release, "card_files", die)
        with pytest.raises(type(death)):
            world.train()
    world.train()
    world.close()
    federation = open_federation(load_settings(world.server / "server.toml"))
    release = Registry(federation.settings.releases, federation.terms).open()
    files = card_files(_card(release, federation))
    assert len(files) == 3
    for name, text in files.items():
        assert (_folder(release, federation) / name).read_bytes() == text.encode()
    audit = world.audit()
    assert audit.witnessed == audit.size  # the run came to its end


def test_what_is_not_known_is_a_limit_of_use(release: Release, federation: Federation) -> None:
    card = _card(release, federation)
    unknown = {"estimate": "0.5", "low": "0", "high": "1"}
    assert "housing: missing" in card["limits"]["unknown_segments"]
    for is_unknown in (False, True):
        card["limits"]["ranking_unknown"] = is_unknown
        assert ("**How well it ranks is not known**" in card_markdown(card, language="en")) == (
            is_unknown
        )
    manifest = release.manifest
    drowned = manifest.evaluation.model_copy(
        update={"auc": manifest.evaluation.auc.model_copy(update=unknown)}
    )
    changed = Release(
        release.digest,
        manifest.model_copy(update={"evaluation": drowned}),
        release.scorecard,
        release.reference,
    )
    limits = model_card(changed, _leaves(release, federation))["limits"]
    assert limits["ranking_unknown"]
    assert limits["may_be_chance"]
    assert "auc" in limits["unknown"]


def test_bands_and_measures_that_noise_drowns_are_limits_too(
    release: Release, federation: Federation
) -> None:
    unknown = Interval(estimate="0.500000", low="0.000000", high="1.000000")
    manifest = release.manifest
    band = manifest.evaluation.bands[1].model_copy(update={"bad_rate": unknown})
    known = Interval(estimate="0.7", low="0.6", high="0.8")
    bands = (manifest.evaluation.bands[0].model_copy(update={"bad_rate": known}), band)
    evaluation = manifest.evaluation.model_copy(
        update={"auc": known, "ks": unknown, "bad_rate": known, "bands": bands}
    )
    changed = replace(release, manifest=manifest.model_copy(update={"evaluation": evaluation}))
    card = model_card(changed, _leaves(release, federation))
    assert "ks" in card["limits"]["unknown"]
    assert {"auc", "bad_rate"}.isdisjoint(card["limits"]["unknown"])
    assert card["limits"]["unknown_bands"] == [2]
    assert not card["limits"]["may_be_chance"]
    assert "counted from the safest: 2." in card_markdown(card, language="en")
    assert "better than chance" not in card_markdown(card, language="en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_label_can_write_markdown_of_its_own(
    language: str, release: Release, federation: Federation
) -> None:
    text = card_markdown(_card(release, federation), language=language)
    assert not {"html_block", "html_inline", "link_open", "image"} & set(_kinds(text))
    assert LABEL not in text
    assert plain(LABEL) in text
    assert "<script>" not in text.replace("\\<", "")
    assert plain("a\nb | c\t`d`") == r"a b \| c \`d\`"
    assert plain("a\x1b[31m\u202eb\u2028www.x.y http://x") == r"a \[31m b www\.x.y http\://x"


def _kinds(text: str) -> list[str]:
    tokens = COMMONMARK.parse(text)
    return [each.type for token in tokens for each in (token, *(token.children or ()))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_of_a_table_has_a_cell_for_each_head_and_loses_none(
    language: str, release: Release, federation: Federation
) -> None:
    card = _card(release, federation)
    text = card_markdown(card, language=language)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    kinds = _kinds(text)
    assert kinds.count("tr_open") == len(lines) - kinds.count("table_open")  # less the rulers
    bars = [token.content for token in _inline(text) if token.type == "code_inline"]
    bins = sum(len(field["bins"]) for field in card["curves"])
    assert bins > 10  # else this shows little
    assert sum("│" in bar and len(bar) == 25 for bar in bars) == bins  # whole, in one cell
    for part in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in part.splitlines()]
        assert len(set(cells)) == 1, part


def _inline(text: str) -> list[Token]:
    return [each for token in COMMONMARK.parse(text) for each in token.children or ()]


def test_names_are_shown_as_they_are(release: Release, federation: Federation) -> None:
    text = card_markdown(_card(release, federation), language="en")
    assert "run_1" in [each.content for each in _inline(text) if each.type == "code_inline"]


def test_both_languages_say_the_same_values() -> None:
    used = []
    for language in LANGUAGES:
        page = resources.files("server").joinpath(f"model_card.{language}.md").read_text("utf-8")
        used.append(
            sorted(
                set(
                    re.findall(
                        r"(?:training|evaluation|limits|outcome|item|field|band|row|part|log|scaling|contract)\.[a-z_.]+",
                        page,
                    )
                )
            )
        )
        assert page.count("## ") == 9
    assert used[0] == used[1]


def test_a_card_that_is_gone_or_changed_stops_nobody(
    release: Release, federation: Federation
) -> None:
    folder = _folder(release, federation)
    (folder / "model-card.en.md").write_text("something else")
    (folder / "model-card.json").unlink()
    assert Registry(federation.settings.releases, federation.terms).open() is not None


@pytest.mark.parametrize(("low", "is_chance"), [("0.500000", True), ("0.500001", False)])
def test_an_interval_that_reaches_a_half_shows_no_ranking(
    low: str, is_chance: bool, release: Release, federation: Federation
) -> None:
    auc = Interval(estimate="0.7", low=low, high="0.8")
    evaluation = release.manifest.evaluation.model_copy(update={"auc": auc})
    changed = replace(
        release, manifest=release.manifest.model_copy(update={"evaluation": evaluation})
    )
    limits = model_card(changed, _leaves(release, federation))["limits"]
    assert limits["may_be_chance"] == is_chance
