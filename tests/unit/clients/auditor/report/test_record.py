"""The report as JSON, and the draft entry for the public registry."""

import json
from collections.abc import Iterator
from dataclasses import replace

from clients.auditor.report.record import FORMAT, render_json
from clients.auditor.report.registry import BLANKS, registry_entry
from clients.auditor.verdict import verdict_json
from tests.adversarial.ledger.honest import World
from tests.unit.clients.auditor.report.worlds import eventful, facts_in, false_facts, true_facts

# Of the registry's schema: its sections, the fields we fill, and the words it allows.
SECTIONS = {
    "basic": {
        "name", "data_curators", "description", "intended_use", "data_product_type",
        "data_product_region", "data_product_sector", "publication_date",
    },
    "dp_variant": {"variant_name", "data_domain", "unprotected_quantities"},
    "privacy_loss": {
        "privacy_unit", "privacy_unit_details", "number_of_privacy_units",
        "privacy_parameters", "privacy_parameters_details",
    },
    "deployment_model": {
        "model_name", "model_name_details", "trust_assumptions", "actors", "release_type",
        "release_type_details", "data_source_type", "access_type",
    },
    "implementation": {
        "preprocessing_and_hyperparameter_tuning", "mechanisms", "composition",
        "post_processing", "justification", "utility", "additional_information",
    },
    "administrative": {"status", "registry_authors", "tier"},
}  # fmt: skip


def numbers(value: object, where: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number that is not whole, and where it stands."""
    if isinstance(value, float):
        yield where, value
    for name, each in value.items() if isinstance(value, dict) else ():
        yield from numbers(each, f"{where}.{name}")
    for each in value if isinstance(value, list) else ():
        yield from numbers(each, where)


def test_every_number_is_whole_but_the_one_that_the_registry_wants() -> None:
    record = json.loads(render_json(true_facts()))
    assert record["format"] == FORMAT
    found = list(numbers(record))
    released = max(each.released.closed_micro for each in true_facts().partners)
    assert found == [
        (".registry.deployment.privacy_loss.privacy_parameters.epsilon", released / 1e6)
    ]


def test_prices_are_those_that_verify_prints() -> None:
    record, verdict = (
        json.loads(text) for text in (render_json(true_facts()), verdict_json(eventful().audit()))
    )
    for ours, theirs in zip(record["partners"], verdict["partners"], strict=True):
        price = theirs["price"]
        by_view = {(each["view"], each["lenders"]): each["closed_micro"] for each in ours["views"]}
        assert by_view["released", 1] == price["released_micro"]
        assert by_view["worst", 1] == price["worst_micro"]
        for lenders in range(1, 5):
            assert by_view["person", lenders] == price["person_micro"][lenders - 1]
            assert by_view["person worst", lenders] == price["person_worst_micro"][lenders - 1]
        for name in ("charges", "history", "released_left_micro", "worst_left_micro"):
            assert ours[name] == theirs[name]
    for name in ("sums", "voids", "faults", "cohort_changes", "unreleased", "limits", "is_true"):
        assert record[name] == verdict[name]


def test_the_checklist_is_in_it() -> None:
    rows = json.loads(render_json(false_facts()))["checklist"]
    assert [row["number"] for row in rows] == list(range(1, 21))
    assert rows[0]["status"] == "not so"
    assert rows[6]["elsewhere"]


def test_a_registry_entry_has_the_fields_of_the_schema() -> None:
    entry = json.loads(json.dumps(registry_entry(true_facts())))
    assert entry.keys() == {"url_slug", "deployment"}
    deployment = entry["deployment"]
    assert {name: set(members) for name, members in deployment.items()} == SECTIONS
    assert deployment["dp_variant"]["variant_name"] == "Approximate DP"
    assert deployment["deployment_model"]["release_type"] == "One release"
    assert deployment["privacy_loss"]["privacy_parameters"]["delta"] == "0.00001"
    assert deployment["privacy_loss"]["number_of_privacy_units"] == 4000
    assert deployment["administrative"] == {
        "status": "Draft",
        "registry_authors": ["auditor"],
        "tier": 3,
    }
    for path in BLANKS:
        found = entry
        for name in path.split("."):
            found = found[name]


def test_a_registry_entry_of_a_false_log_says_so() -> None:
    said = registry_entry(false_facts())["deployment"]
    assert "THE LOG IS NOT TRUE" in json.dumps(said)
    assert "THE LOG IS NOT TRUE" not in json.dumps(registry_entry(true_facts()))


def test_without_a_release_there_is_no_date() -> None:
    empty = json.dumps(registry_entry(facts_in(World())))
    assert '"publication_date": ""' in empty
    two = replace(true_facts().lineage[0], releases=("aa", "bb"))
    many = json.dumps(registry_entry(replace(true_facts(), lineage=(two,))))
    assert '"release_type": "Many releases"' in many
