"""One entry for the public registry of differentially private deployments, as a draft.

Field names and enumerated values are those of the registry's own schema; ``docs/auditing.md`` says
which version and where it is from. The registry is in English, so its texts are here.
"""

from clients.auditor.dates import day
from clients.auditor.facts import Facts, PartnerFacts
from protocols.ledger.epsilons import say_epsilon

BLANKS = (  # what no log knows: a person fills these in before the entry is handed in
    "deployment.basic.data_product_region",
    "deployment.basic.publication_date",
    "deployment.implementation.utility",
)


def registry_entry(facts: Facts) -> dict[str, object]:
    """Return the entry: a tree of texts and integers, and one number.

    ``epsilon`` is a JSON number because the schema wants one; it is the largest ``released`` of any
    partner, printed from whole micro-epsilon.
    """
    who = facts.who
    name = who.federation or who.origin
    return {
        "url_slug": f"{name}-{who.charter[:12]}".lower(),
        "deployment": {
            "basic": _basic(facts, name),
            "dp_variant": {
                "variant_name": "Approximate DP",
                "data_domain": (
                    "Loan records of each partner's borrowers, in the fields of the feature "
                    f"contract {who.contract}."
                ),
                "unprotected_quantities": (
                    "Number of borrowers up to the public capacities, names of partners, times "
                    "of participation; a borrower's presence as a customer."
                ),
            },
            "privacy_loss": _privacy_loss(facts),
            "deployment_model": _model(facts),
            "implementation": _implementation(facts),
            "administrative": {
                "status": "Draft",
                "registry_authors": [who.auditor],
                "tier": 3,
            },
        },
    }


def _basic(facts: Facts, name: str) -> dict[str, object]:
    who = facts.who
    return {
        "name": f"Credit scorecard of {name}",
        "data_curators": [
            {"data_curator_name": each, "data_curator_type": "Industry"}
            for each in (who.coordinator, *(row.name for row in facts.partners))
        ],
        "description": "A scorecard trained across lenders on noised sums over their borrowers.",
        "intended_use": "Scoring of applicants for credit, and limits with reasons.",
        "data_product_type": "Machine learning model",
        "data_product_region": "",
        "data_product_sector": "Finance",
        "publication_date": day(who.as_of) if _releases(facts) and who.as_of else "",
    }


def _privacy_loss(facts: Facts) -> dict[str, object]:
    terms, dearest = facts.parameters, _dearest(facts)
    released = dearest.released.closed_micro if dearest else 0
    worst = dearest.worst.closed_micro if dearest else 0
    return {
        "privacy_unit": terms.unit,
        "privacy_unit_details": (
            f"Adjacency {terms.adjacency}: one borrower's vector at one partner is replaced by "
            f"zero. At most {terms.most_lenders} lender(s) for each borrower. The number of units "
            "given is the public capacity of all partners together, an upper bound."
        ),
        "number_of_privacy_units": terms.capacity,
        "privacy_parameters": {"epsilon": released / 1_000_000, "delta": terms.delta},
        "privacy_parameters_details": (
            f"Towards a user of the model {say_epsilon(released)}; if all other parties collude "
            f"{say_epsilon(worst)}. Cumulative over all runs in the log, at the partner "
            f"with the most; caps {say_epsilon(terms.released_cap_micro)} and "
            f"{say_epsilon(terms.worst_cap_micro)}."
        ),
    }


def _model(facts: Facts) -> dict[str, object]:
    terms = facts.parameters
    return {
        "model_name": "Federated",
        "model_name_details": (
            f"Noise mode {terms.mode}: the shares of {terms.shares} partner(s) make up the whole "
            f"noise of a sum; cohorts of at least {terms.minimum_cohort}."
        ),
        "trust_assumptions": (
            "Each borrower trusts its own lender with raw data. The coordinator sees noised sums "
            f"only. At most {terms.colluders} partner(s) of a cohort may collude; the larger "
            "epsilon holds if all others do."
        ),
        "actors": ", ".join(
            (
                f"coordinator {facts.who.coordinator}",
                *(f"partner {row.name}" for row in facts.partners),
                f"auditor {facts.who.auditor}",
            )
        ),
        "release_type": "Many releases" if _releases(facts) > 1 else "One release",
        "release_type_details": (
            f"{_releases(facts)} release(s) of {len(facts.lineage)} run(s); the budget never "
            "resets, under no later charter either."
        ),
        "data_source_type": "Static",
        "access_type": "Non-interactive",
    }


def _implementation(facts: Facts) -> dict[str, object]:
    terms, dearest = facts.parameters, _dearest(facts)
    kinds = dict.fromkeys(each.query for each in (dearest.charges if dearest else ()))
    return {
        "preprocessing_and_hyperparameter_tuning": (
            "Bounds are public, bins come from noised histograms that are paid for; nothing is "
            "tuned on private data."
        ),
        "mechanisms": (
            f"Discrete Gaussian noise on integer sums, clip norm {terms.clip_norm} at each "
            f"partner, noise multipliers of at least {terms.minimum_noise}. Queries: "
            f"{', '.join(kinds) or 'none'}. Code digest {facts.who.code}."
        ),
        "composition": (
            "Exact composition of Gaussian mechanisms over the whole log, converted in closed "
            "form; checked by privacy loss distributions and Renyi accounting."
        ),
        "post_processing": "Training, calibration, scores, limits and reasons read noised sums.",
        "justification": f"Agreed by all parties in the charter with digest {facts.who.charter}.",
        "utility": "",
        "additional_information": (
            f"Recomputed from the log {facts.who.origin}, {facts.who.size} entries, root "
            f"{facts.who.root or 'not signed'}; "
            + ("no findings." if facts.is_true else "THE LOG IS NOT TRUE, see the findings.")
        ),
    }


def _dearest(facts: Facts) -> PartnerFacts | None:
    return max(facts.partners, key=lambda row: row.released.closed_micro, default=None)


def _releases(facts: Facts) -> int:
    return sum(len(row.releases) for row in facts.lineage)
