"""A model card says what release and log say, in two languages, whatever a label holds."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest

from model.artifacts import Release
from model.points import points_table
from protocols.ledger.entry import RoundOpen
from server.config import load_settings
from server.federation import Federation, open_federation
from server.model_card import LANGUAGES, card_json, card_markdown, model_card, plain
from server.registry import Registry
from tests.simulator import CONTRACT, World, found_world

LABEL = "Housing | `<script>alert(1)</script>` [x](http://example.com)"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    contract = CONTRACT.replace("schema = 1", 'schema = 1\nsegments = ["housing"]')
    contract = contract.replace('label = "Housing"', f"label = '{LABEL}'")
    trained = found_world(
        tmp_path_factory.mktemp("card"), sizes=(300, 200, 150, 150), contract=contract
    )
    lost: list[str] = []

    def once(name: str, delivery: object) -> object:
        if name == "p3" and len(lost) < 1 and getattr(delivery, "keys", b""):
            lost.append(name)
            return None
        return delivery

    trained.bend = once  # type: ignore[assignment]  # a partner that is missing once
    trained.train("run-1")
    trained.close()
    return trained


@pytest.fixture(scope="module")
def federation(world: World) -> Federation:
    return open_federation(load_settings(world.server / "server.toml"))


@pytest.fixture(scope="module")
def release(federation: Federation) -> Release:
    return Registry(federation.settings.releases, federation.terms).open()


def _folder(release: Release, federation: Federation) -> Path:
    return federation.settings.releases / release.digest.hex()


def test_a_card_lies_beside_its_release_and_is_always_the_same(
    release: Release, federation: Federation
) -> None:
    card, folder = model_card(release, federation), _folder(release, federation)
    assert (folder / "model-card.json").read_text() == card_json(card)
    for language in LANGUAGES:
        said = (folder / f"model-card.{language}.md").read_text()
        assert said == card_markdown(card, language=language)


def test_every_number_is_the_releases_or_the_logs(release: Release, federation: Federation) -> None:
    card = json.loads(card_json(model_card(release, federation)))
    manifest = release.manifest
    said = json.loads(manifest.evaluation.model_dump_json(exclude_none=True))
    gini = card["evaluation"].pop("gini")
    assert card["evaluation"] == said
    assert float(gini["low"]) == pytest.approx(2 * float(said["auc"]["low"]) - 1, abs=1e-6)
    assert card["release"] == release.digest.hex()
    assert card["log"] == {"size": manifest.log_size, "root": manifest.log_root}
    assert [x["partner"] for x in card["privacy"]] == card["training"]["partners"]
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
    card = model_card(release, federation)
    assert card["training"]["repeated"] == 1
    assert card["training"]["missing"] == {"p3": 1}
    assert "1 orders were repeated, for want of p3 (1)" in card_markdown(card, language="en")
    assert "缺席者：p3（1）" in card_markdown(card, language="zh")


def test_what_is_not_known_is_a_limit_of_use(release: Release, federation: Federation) -> None:
    card = model_card(release, federation)
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
    assert model_card(changed, federation)["limits"]["ranking_unknown"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_label_can_write_markdown_of_its_own(
    language: str, release: Release, federation: Federation
) -> None:
    text = card_markdown(model_card(release, federation), language=language)
    assert LABEL not in text
    assert plain(LABEL) in text
    assert "<script>" not in text.replace("\\<", "")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|(?! *[█ ]*`)", line)) >= 3 for line in tables)
    assert plain("a\nb | c\t`d`") == r"a b \| c \`d\`"


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
