"""``fedscore-server policy check``: looks for applicants that a policy treats wrongly."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.console import Still
from protocols.contracts.features import read_toml
from server.decisions.policy import policy_from_table
from server.decisions.regulation import load_profiles

if TYPE_CHECKING:  # loaded by the command, since no other one needs hypothesis
    from server.proof.search import Found


def check(
    file: Annotated[Path, typer.Argument(help="The policy, in TOML.")],
    examples: Annotated[
        int | None,
        typer.Option(help="Draws, each put to every law; 3,000 if left out.", min=1),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Another search; by default the policy's digest says.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Look for a gap, an overlap, or two applicants of whom the better gets less."""
    from server.proof.search import EXAMPLES, search  # here: see above
    from server.proof.shown import found_lines

    policy = policy_from_table(read_toml(file), where=file.name)
    today = datetime.now(policy.zone).date()
    still = Still("policy check")
    found = search(
        policy,
        load_profiles(),
        today=today,
        examples=examples or EXAMPLES,
        seed=seed,
        show=still.at,
    )
    if as_json:
        typer.echo(json.dumps(facts_of_search(found), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(found_lines(found)))
    if not found.is_proven:
        sys.exit(1)


def facts_of_search(found: "Found") -> dict[str, object]:
    """Return what a search came to, for programs."""
    from server.proof.laws import LAWS  # here: see above
    from server.proof.shown import facts_of, result_text

    return {
        "proven": found.is_proven,
        "examples": found.examples,
        "laws": list(LAWS),
        "seed": found.seed,
        "days": [day.isoformat() for day in found.days],
        "faults": list(found.faults),
        "broken": [
            {
                "law": one.law,
                "says": LAWS[one.law].says,
                "what": one.what,
                "day": one.day.isoformat(),
                "segment": one.first.case.request.segment,
                "applicants": [
                    {"facts": facts, "gets": result_text(side)}
                    for side, facts in zip((one.first, one.second), facts_of(one), strict=False)
                    if side is not None
                ],
            }
            for one in found.broken
        ],
    }
