"""``fedscore-server scorecard`` and ``model-card``: a release as people and programs read it."""

from pathlib import Path
from typing import Annotated

import typer

from protocols.contracts.charter import load_charter_model
from protocols.errors import ConfigError
from server.config import load_settings
from server.founding import SETTINGS_NAME

Config = Annotated[Path, typer.Option(help="The coordinator's settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def scorecard(
    config: Config = Path(SETTINGS_NAME),
    release: Annotated[str | None, typer.Option(help="Digest; the latest if left out.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .html with plots, .csv or .json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what every answer to every field is worth in points."""
    from server.registry import Registry  # here: training does not need torch in this process
    from server.scorecard import scorecard_json, scorecard_text, write_scorecard

    settings = load_settings(config)
    _, terms = load_charter_model(settings.charter)
    opened = Registry(settings.releases, terms).open(release)
    if out is None:
        typer.echo(scorecard_json(opened) if as_json else scorecard_text(opened))
        return
    write_scorecard(opened, out)
    typer.echo(f"Wrote {out}.")


def model_card(
    config: Config = Path(SETTINGS_NAME),
    release: Annotated[str | None, typer.Option(help="Digest; the latest if left out.")] = None,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Show what a release may be used for, from what, how good it is, at what cost in privacy."""
    from server.model_card import LANGUAGES, card_json, card_markdown, read_card
    from server.registry import Registry  # here: training does not need torch in this process

    if language not in LANGUAGES:
        raise ConfigError(f"--language: expected one of {', '.join(LANGUAGES)}")
    settings = load_settings(config)
    _, terms = load_charter_model(settings.charter)
    opened = Registry(settings.releases, terms).open(release)
    card = read_card(opened, settings.log, terms.log)
    said = card_json(card) if as_json else card_markdown(card, language=language)
    typer.echo(said.rstrip("\n"))
