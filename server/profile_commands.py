"""``fedscore-server profiles``: the regulatory profiles, and what each demands on a day."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from protocols.contracts.dated import Dated
from protocols.contracts.regulation import RateCapRule, RegulatoryProfile
from protocols.errors import ConfigError
from server.decisions.regulation import Rules, load_profiles, rules_on

_DATED = {"id", "from_day", "until", "source"}  # shown apart from what a rule says


@dataclass(frozen=True)
class Shown:
    """A rule in force: the table it stands in, and what it says, field by field."""

    table: str
    rule: Dated
    says: dict[str, object]


def profiles(
    name: Annotated[str | None, typer.Argument(help="Show the rules of this one.")] = None,
    on: Annotated[
        str | None, typer.Option(help="A day, as 2026-11-20; today in UTC if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the regulatory profiles, or the rules of one that hold on a day, with their sources."""
    day = _day(on)
    known = load_profiles()
    if name is None:
        listed = known.values()
        facts = [_facts(profile, day) for profile in listed]
        text = "\n".join(_summary(profile, day) for profile in listed)
        typer.echo(_json(facts) if as_json else text)
        return
    if name not in known:
        raise ConfigError(f"NAME: expected one of {', '.join(known)}")
    shown = in_force(known[name], day)
    if as_json:
        typer.echo(
            _json({**_facts(known[name], day), "rules": [_rule_facts(one) for one in shown]})
        )
    else:
        typer.echo(_page(known[name], day, shown))


def in_force(profile: RegulatoryProfile, day: date) -> list[Shown]:
    """Return the rules that hold on a day, and the reference rates.

    Raises:
        ProfileDateError: The day is before the profile's first.
    """
    rules = rules_on(profile, day)
    return [
        Shown(table, rule, _says(rule, rules))
        for table, rule in profile.rules()
        if rule.holds_on(day.isoformat())
    ]


def _says(rule: Dated, rules: Rules) -> dict[str, object]:
    said: dict[str, object] = rule.model_dump(mode="json", exclude=_DATED, exclude_none=True)
    if isinstance(rule, RateCapRule) and rule.of is not None:
        annual = rules.rate_caps[rule.segments[0]].annual
        said["percent"] = f"{annual * 100:f}"  # what the multiple is on that day
    return said


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError as err:
        raise ConfigError("--on: expected a day, as 2026-11-20") from err


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _facts(profile: RegulatoryProfile, day: date) -> dict[str, object]:
    return {
        "name": profile.name,
        "title_en": profile.title_en,
        "title_zh": profile.title_zh,
        "jurisdiction": profile.jurisdiction,
        "valid_from": profile.valid_from,
        "about": profile.about,
        "digest": profile.digest.hex(),
        "on": day.isoformat(),
        "has_begun": profile.valid_from <= day.isoformat(),
    }


def _rule_facts(shown: Shown) -> dict[str, object]:
    rule = shown.rule
    dated = {"id": rule.id, "from": rule.from_day, "until": rule.until}
    return {"table": shown.table, **dated, "says": shown.says, "source": rule.source}


def _summary(profile: RegulatoryProfile, day: date) -> str:
    begun = profile.valid_from <= day.isoformat()
    since = f"{'since' if begun else 'not before'} {profile.valid_from}"
    return f"{profile.name}  {since}\n  {profile.title_en}\n  {profile.title_zh}"


def _page(profile: RegulatoryProfile, day: date, shown: Sequence[Shown]) -> str:
    lines = [f"{profile.name}  on {day}", profile.title_en, profile.title_zh, profile.about, ""]
    for one in shown:
        until = f" until {one.rule.until}" if one.rule.until else ""
        lines.append(f"{one.table}  {one.rule.id}  from {one.rule.from_day}{until}")
        lines.extend(f"  {field}: {_text(value)}" for field, value in one.says.items())
        lines.append(f"  source: {one.rule.source}")
    lines += ["", f"digest {profile.digest.hex()}", "No legal advice; the official texts win."]
    return "\n".join(lines)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return " ".join(map(_text, value.values()))
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    return str(value)
