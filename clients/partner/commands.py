"""The partner's commands: parse, call one function, print."""

import json
import logging
from pathlib import Path
from typing import Annotated

import tomli_w
import typer
from pydantic import ValidationError

from clients.partner.budget import BudgetBook
from clients.partner.checking import Check
from clients.partner.config import Address, PartnerSettings, load_partner_settings
from clients.partner.drafting import draft_contract
from clients.partner.keys import (
    IDENTITY,
    NODE_KEY,
    create_partner_keys,
    load_partner_keys,
)
from clients.partner.oddities import Oddities
from clients.partner.renewal import check_successor, renew_card
from clients.partner.startup import load_signed_charter, open_node, start_node
from clients.partner.statement import (
    Budget,
    budget_of,
    budget_text,
    check_text,
    dry_run_text,
)
from clients.partner.trusted_set import code_digest
from model.table import read_column_names, read_tables
from protocols.charter_summary import charter_summary
from protocols.console import Still, run_command
from protocols.contracts.charter import Capacity, PartnerCard, charter_from_table
from protocols.contracts.features import (
    Contract,
    Name,
    describe,
    load_agreed_contract,
    load_contract,
    read_toml,
)
from protocols.errors import ConfigError
from protocols.ledger.epsilons import say_epsilon
from protocols.ledger.keyfile import load_keys
from protocols.ledger.policy import sign_charter_file
from protocols.lock import only_process
from protocols.logs import log_to_stderr

SETTINGS_NAME = "partner.toml"
_logger = logging.getLogger(__name__)
CARD_NAME = "partner-card.json"

app = typer.Typer(
    help="Take part in a federation, beside your own data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Home = Annotated[Path, typer.Option(help="The partner's folder.")]
Config = Annotated[Path, typer.Option(help="The partner's settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def run() -> int:
    """Run the command line and return its exit status."""
    return run_command(app, name="fedscore-partner")


@app.command()
def init(
    name: Annotated[str, typer.Option(help="Your name in the charter.")],
    capacity: Annotated[int, typer.Option(help="Most borrowers you will ever bring.")],
    home: Home,
    data: Annotated[
        str, typer.Option(help="Your loans, as seen from the folder.")
    ] = "loans.parquet",
    coordinator: Annotated[str, typer.Option(help="host:port")] = "127.0.0.1:8700",
) -> None:
    """Make keys, settings and the public card that goes into the charter."""
    _check_founder(name=name, capacity=capacity, coordinator=coordinator)
    try:
        (home / "keys").mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"{home.name}: cannot be made a folder") from err
    public = create_partner_keys(home / "keys")
    founding_card = PartnerCard(
        name=name,
        identity_key=public.identity_key,
        cosign_key=public.cosign_key,
        node_key=public.node_key,
        capacity=capacity,
        code_digest=code_digest(),
    )
    _write_card(home / CARD_NAME, founding_card)
    settings = {"name": name, "coordinator": coordinator, "data": data}
    (home / SETTINGS_NAME).write_text(tomli_w.dumps(settings), encoding="utf-8")
    typer.echo(f"Made {home}. Send {CARD_NAME} to the coordinator; keep everything else.")


@app.command()
def card(
    config: Config = Path(SETTINGS_NAME),
    capacity: Annotated[
        int | None, typer.Option(help="Most borrowers you will bring from now on.")
    ] = None,
    new_keys: Annotated[
        bool, typer.Option("--new-keys", help="Make new identity and cosign keys first.")
    ] = False,
) -> None:
    """Write a new card for the next charter: your code as installed, and your latest keys."""
    path = config.with_name(CARD_NAME)
    renewed = renew_card(load_partner_settings(config), path, capacity=capacity, new_keys=new_keys)
    _write_card(path, renewed)
    typer.echo(f"Wrote {path}. Send it to the coordinator for fedscore-server renew.")


@app.command("check-data")
def check_data(
    config: Config = Path(SETTINGS_NAME),
    as_json: AsJson = False,
) -> None:
    """Report every way in which your data breaks the contract: by column, count and rule."""
    settings = load_partner_settings(config)
    contract, capacity = load_contract(settings.contract), None
    if settings.charter.exists():
        charter, _ = charter_from_table(read_toml(settings.charter), where=settings.charter.name)
        capacity = charter.partner(settings.name).capacity
    check, oddities = Check(contract, capacity), Oddities(contract)
    still = Still(f"reading {settings.data.name}")
    for table in read_tables(settings.data, contract):
        check.take(table)
        oddities.take(table)
        still.at(f"{check.rows:,} rows")
    violations, odd = check.violations(), oddities.found()
    if settings.recent is not None:
        applied = Check(contract, capacity)
        for table in read_tables(settings.recent, contract, has_outcome=False):
            applied.take(table)
        violations += applied.violations()
    typer.echo(
        json.dumps([vars(item) for item in (*violations, *odd)])
        if as_json
        else check_text(violations, odd, rows=check.rows)
    )
    raise typer.Exit(2 if violations else 0)


@app.command("draft-contract")
def draft(
    file: Annotated[Path, typer.Argument(help="A .parquet or .csv file.")],
    out: Annotated[Path, typer.Option(help="Where to write the draft.")] = Path("contract.toml"),
) -> None:
    """Write a contract with the file's columns, and the bounds left blank for you to fill in."""
    text = draft_contract(read_column_names(file))
    try:
        with out.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError as err:
        raise ConfigError(f"{out.name}: exists already, and is never overwritten") from err
    except OSError as err:
        raise ConfigError(f"{out.name}: cannot be written") from err
    typer.echo(f"Wrote {out}. Fill in every empty value from public knowledge.")


@app.command()
def sign(
    charter: Annotated[Path, typer.Argument(help="The charter.")], home: Home = Path()
) -> None:
    """Read a charter, show what it promises, and sign it."""
    keys = load_keys(home / "keys", IDENTITY)
    _, terms = charter_from_table(read_toml(charter), where=charter.name)
    typer.echo(charter_summary(terms))
    if (home / SETTINGS_NAME).exists():
        for line in check_successor(load_partner_settings(home / SETTINGS_NAME), terms):
            typer.echo(line)
    path = sign_charter_file(charter, *keys)
    typer.echo(f"Signed in {path.name}. Pass both files on to the next signer.")


@app.command("run")
def run_node_command(
    config: Config = Path(SETTINGS_NAME),
    dry_run: Annotated[
        bool, typer.Option(help="Say what would leave and what it costs; contact nobody.")
    ] = False,
) -> None:
    """Answer the coordinator's orders until stopped."""
    settings = load_partner_settings(config)
    if dry_run:
        node = open_node(settings)
        budget = budget_of(settings.name, node.book, node.terms)
        typer.echo(dry_run_text(node.charter, node.terms, node.contract, budget))
        return
    from clients.partner.runner import RunnerSettings, run_node  # here: it loads all of Flower

    log_to_stderr()
    _logger.info("reading data", extra={"file": settings.data.name})
    # Before anything is read: what another process of this node is at must not be touched.
    with only_process(settings.state, "node"):
        run_node(
            RunnerSettings(
                coordinator=settings.coordinator,
                ca_cert=settings.ca_cert,
                node_key=settings.keys / NODE_KEY,
                state_dir=settings.state,
            ),
            start_node(settings).answer,
        )


@app.command()
def budget(config: Config = Path(SETTINGS_NAME), as_json: AsJson = False) -> None:
    """Show what is spent and what is left."""
    settings = load_partner_settings(config)
    shown = _read_budget(settings)
    typer.echo(json.dumps(shown.to_json()) if as_json else budget_text(shown))


@app.command("compare")
def compare_command(
    release: Annotated[Path, typer.Argument(help="Folder of a release: manifest and tensors.")],
    config: Config = Path(SETTINGS_NAME),
    as_json: AsJson = False,
) -> None:
    """Show what a release brings you, on your own hold-out; nothing of it leaves this console."""
    from clients.partner.comparison import (  # here: a node does not need it
        compare,
        comparison_json,
        comparison_text,
    )

    found = compare(load_partner_settings(config), release)
    typer.echo(json.dumps(comparison_json(found)) if as_json else comparison_text(found))


@app.command()
def amend(
    spend: Annotated[str, typer.Argument(help="Digest of the spend, as the log names it.")],
    noise_multiplier: Annotated[str, typer.Option(help="What the noise really was, over C.")],
    config: Config = Path(SETTINGS_NAME),
    over_cap: Annotated[
        bool, typer.Option(help="Say so although a cap is passed; no audit is true after it.")
    ] = False,
) -> None:
    """Correct a spend that had less noise than it says: it only ever becomes dearer."""
    settings = load_partner_settings(config)
    with only_process(settings.state, "node"):
        book = _open_book(settings)
        book.amend(spend, noise_multiplier, over_cap=over_cap)
        typer.echo(f"Spent now: released {say_epsilon(book.spent.released_micro)}.")
    typer.echo("The correction goes to the log with your node's next answer.")


def _write_card(path: Path, written: PartnerCard) -> None:
    text = written.model_dump_json(indent=2, exclude_none=True)
    path.write_text(text + "\n", encoding="utf-8")


class _Founder(Contract):
    name: Name
    capacity: Capacity
    coordinator: Address


def _check_founder(**told: object) -> None:
    """Raise ``ConfigError`` before any key is made."""
    try:
        _Founder.model_validate(told)
    except ValidationError as err:
        raise ConfigError(describe(err)) from err


def _read_budget(settings: PartnerSettings) -> Budget:
    book = _open_book(settings)
    return budget_of(settings.name, book, book.terms)


def _open_book(settings: PartnerSettings) -> BudgetBook:
    charter, terms = load_signed_charter(settings)
    load_agreed_contract(settings.contract, digest_hex=charter.contract_digest)
    if not settings.book.exists():
        raise ConfigError(f"{settings.book.name}: there is no budget book yet")
    key = load_partner_keys(settings.keys, charter.partner(settings.name)).identity
    strict = settings.policy.stricter(terms)
    return BudgetBook(settings.book, name=settings.name, key=key, terms=strict)
