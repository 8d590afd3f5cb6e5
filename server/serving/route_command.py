"""``fedscore-server route``: say which release answers, or change it."""

import json
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from protocols.contracts.charter import load_charter_model
from protocols.errors import ConfigError
from protocols.lock import only_process
from server.config import CoordinatorSettings, load_settings


class _Asked(NamedTuple):
    champion: str | None
    challenger: str | None
    percent: int | None
    shadow: str | None
    clear_challenger: bool
    clear_shadow: bool


_NOTHING = _Asked(None, None, None, None, clear_challenger=False, clear_shadow=False)


def route(
    config: Annotated[Path, typer.Option(help="The coordinator's settings.")] = Path("server.toml"),
    champion: Annotated[str | None, typer.Option(help="Who answers: a digest, or latest.")] = None,
    challenger: Annotated[
        str | None, typer.Option(help="Who answers a share of the subjects: a digest.")
    ] = None,
    percent: Annotated[
        int | None, typer.Option(help="The challenger's share.", min=0, max=100)
    ] = None,
    shadow: Annotated[
        str | None, typer.Option(help="Who scores beside them and never answers: a digest.")
    ] = None,
    clear_challenger: Annotated[
        bool, typer.Option("--clear-challenger", help="The champion answers everybody.")
    ] = False,
    clear_shadow: Annotated[bool, typer.Option("--clear-shadow", help="No shadow.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say which release answers, or change it; servers follow without a restart."""
    settings = load_settings(config)
    asked = _Asked(champion, challenger, percent, shadow, clear_challenger, clear_shadow)
    _check_asked(asked)
    if asked != _NOTHING:
        _change(settings, asked)
    _show(settings, as_json=as_json)


def _check_asked(asked: _Asked) -> None:
    if asked.clear_challenger and (asked.challenger is not None or asked.percent is not None):
        raise ConfigError("--clear-challenger excludes --challenger and --percent")
    if asked.clear_shadow and asked.shadow is not None:
        raise ConfigError("--clear-shadow excludes --shadow")
    if asked.challenger is not None and asked.percent is None:
        raise ConfigError("--challenger needs --percent: whom it shall answer")


def _change(settings: CoordinatorSettings, asked: _Asked) -> None:
    """Write the routing file, once all that it names is known to open."""
    from server.registry import Registry  # here: other commands do not need torch
    from server.serving.releases import load_served, resolve
    from server.serving.routing import read_routing, routing_from_table, write_routing

    _, terms = load_charter_model(settings.charter)
    shelf = Registry(settings.releases, terms)
    with only_process(settings.routing.parent, "routing"):
        table = read_routing(settings.routing).model_dump(exclude_none=True)
        routing = routing_from_table(_changed(table, asked), where="route")
        load_served(shelf, resolve(routing, shelf))
        write_routing(settings.routing, routing)


def _changed(table: dict[str, object], asked: _Asked) -> dict[str, object]:
    cleared: set[str] = {"shadow"} if asked.clear_shadow else set()
    if asked.clear_challenger:
        cleared |= {"challenger", "challenger_percent"}
    wanted = {
        "champion": asked.champion,
        "challenger": asked.challenger,
        "challenger_percent": asked.percent,
        "shadow": asked.shadow,
    }
    kept = {key: value for key, value in table.items() if key not in cleared}
    return kept | {key: value for key, value in wanted.items() if value is not None}


def _show(settings: CoordinatorSettings, *, as_json: bool) -> None:
    from server.registry import Registry  # here: see above
    from server.serving.releases import resolve
    from server.serving.routing import LATEST, read_routing

    _, terms = load_charter_model(settings.charter)
    routing = read_routing(settings.routing)
    digest = resolve(routing, Registry(settings.releases, terms)).champion
    if as_json:
        typer.echo(json.dumps({**routing.model_dump(), "champion_digest": digest}))
        return
    typer.echo(f"champion    {digest}{' (latest)' if routing.champion == LATEST else ''}")
    if routing.challenger is not None:
        typer.echo(f"challenger  {routing.challenger}, {routing.challenger_percent} % of subjects")
    if routing.shadow is not None:
        typer.echo(f"shadow      {routing.shadow}")
