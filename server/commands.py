"""The coordinator's commands: parse, call one function, print."""

import asyncio
import functools
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from protocols.console import run_command
from protocols.contracts.charter import load_charter_model
from protocols.errors import ConfigError
from protocols.ledger.succession import changes
from protocols.lock import only_process
from protocols.logs import log_to_stderr
from server.backtest.commands import backtest, challenge_report
from server.batch.command import score_file
from server.config import load_settings
from server.doctor.command import doctor
from server.events import Event
from server.federation import open_federation
from server.founding import SETTINGS_NAME, Proposal, found
from server.journal import commands as journal_commands
from server.ledger.handed_over import read_small, take_handed_over
from server.ledger.log import export_log
from server.policies import commands as policy_commands
from server.profile_commands import profiles
from server.progress import ProgressView
from server.proof.commands import check
from server.purpose import DriftPurpose, report_path
from server.receipts.command import export_receipts, init_receipts
from server.release_commands import model_card, scorecard
from server.renewal import Renewal, adopt, renew
from server.serving.route_command import route
from server.serving.serve_command import issue_caller, serve

app = typer.Typer(
    help="Coordinate a federation: found it, train with it, export its log, serve its releases.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(journal_commands.app, name="journal")
app.add_typer(policy_commands.app, name="policy")
policy_commands.app.command()(check)
policy_commands.app.command()(backtest)
policy_commands.app.command("challenge-report")(challenge_report)

MOST_EPSILON = 50  # the charter's own limit on a cap

Config = Annotated[Path, typer.Option(help="The coordinator's settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
RunName = Annotated[str | None, typer.Option(help="Name of the run; made if left out.")]
Resume = Annotated[
    str | None, typer.Option(help="Take up this run again: it was paused or killed.")
]
Abandon = Annotated[
    str | None, typer.Option(help="Give up this unfinished run, and begin a new one.")
]


def run() -> int:
    """Run the command line and return its exit status."""
    return run_command(app, name="fedscore-server")


@app.command()
def init(  # noqa: PLR0913, PLR0917  # one option each; typer makes a command of the signature
    federation: Annotated[str, typer.Option(help="Name of the federation.")],
    contract: Annotated[Path, typer.Option(help="The agreed feature contract.")],
    partner: Annotated[list[Path], typer.Option(help="A partner's card; once for each.")],
    auditor: Annotated[Path, typer.Option(help="The auditor's card.")],
    home: Annotated[Path, typer.Option(help="The coordinator's new folder.")],
    epsilon: Annotated[float, typer.Option(help="Cap for each partner's borrowers, ever.")],
    run_epsilon: Annotated[float, typer.Option(help="What one run may cost of it.")],
    delta: Annotated[str, typer.Option(help="Of every epsilon, a plain decimal.")] = "0.00001",
    mode: Annotated[
        str | None,
        typer.Option(help="distributed (three partners or more; the default) or local."),
    ] = None,
    minimum_cohort: Annotated[
        int | None,
        typer.Option(
            help="Fewest partners in a round; all but one, and at least three, by default."
        ),
    ] = None,
    tolerated_colluders: Annotated[
        int | None,
        typer.Option(help="Partners whose noise is not counted on, if distributed; 1 by default."),
    ] = None,
    most_lenders: Annotated[int, typer.Option(help="Lenders that one borrower may have.")] = 1,
    host: Annotated[str, typer.Option(help="Where partners connect.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port there.", min=0, max=65_535)] = 8700,
) -> None:
    """Make keys, certificates and the charter that everybody then signs."""
    proposal = Proposal(
        federation=federation,
        contract=contract,
        cards=partner,
        auditor=auditor,
        epsilon_micro=_micro(epsilon, "--epsilon"),
        run_epsilon_micro=_micro(run_epsilon, "--run-epsilon"),
        delta=delta,
        host=host,
        port=port,
        mode=mode,
        minimum_cohort=minimum_cohort,
        tolerated_colluders=tolerated_colluders,
        most_lenders=most_lenders,
    )
    charter = found(home, proposal)
    typer.echo(
        f"Made {charter}. Pass it from signer to signer (fedscore-partner sign, fedscore-audit "
        "sign); then give charter.toml, signatures.json, contract.toml and ca.crt to everybody."
    )


@app.command()
def train(
    config: Config = Path(SETTINGS_NAME),
    name: RunName = None,
    resume: Resume = None,
    abandon: Abandon = None,
    as_json: AsJson = False,
) -> None:
    """Train one release with all partners, and publish it."""
    operation = _Operation("train", config, name, resume, abandon, as_json=as_json)
    operation.run()
    if not as_json:
        typer.echo(f"Run {operation.name} is complete. Next: fedscore-server export-log, serve.")


@app.command()
def drift(  # one option each; typer makes a command of the signature
    config: Config = Path(SETTINGS_NAME),
    release: Annotated[str | None, typer.Option(help="Digest; the latest if left out.")] = None,
    epsilon: Annotated[float, typer.Option(help="What the run may cost.")] = 0.1,
    name: RunName = None,
    resume: Resume = None,
    abandon: Abandon = None,
    as_json: AsJson = False,
) -> None:
    """Say how far recent applicants are from the borrowers that a release was trained on."""
    from server.drift import drift_text  # here: training does not need torch in this process
    from server.registry import Registry

    micro = _micro(epsilon, "--epsilon")
    settings = load_settings(config)
    _, terms = load_charter_model(settings.charter)
    opened = Registry(settings.releases, terms).open(release)
    operation = _Operation("drift", config, name, resume, abandon, as_json=as_json)
    operation.run(DriftPurpose(release=opened.digest.hex(), epsilon_micro=micro))
    raw = report_path(settings.runs / operation.name).read_text(encoding="utf-8")
    typer.echo(raw.rstrip() if as_json else drift_text(json.loads(raw)))


@app.command("export-log")
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    config: Config = Path(SETTINGS_NAME),
) -> None:
    """Write the log as a folder that anybody with the charter can verify."""
    log = open_federation(load_settings(config)).scribe.log
    export_log(log, folder)
    typer.echo(f"Wrote {log.size} entries. Check: fedscore-audit verify {folder} --charter ...")


@app.command()
def receive(
    files: Annotated[list[Path], typer.Argument(help="What the auditor handed over.")],
    config: Config = Path(SETTINGS_NAME),
) -> None:
    """Take the auditor's cosigned checkpoints and signed reports into the log, between runs."""
    settings = load_settings(config)
    with only_process(settings.log.parent, "log"):
        scribe = open_federation(settings).scribe
        for path in files:
            typer.echo(f"{path.name}: {take_handed_over(scribe, read_small(path))}")


@app.command("renew")
def renew_command(
    partner: Annotated[
        list[Path], typer.Option(help="A card of every partner from now on; once for each.")
    ],
    out: Annotated[Path, typer.Option(help="New folder for the next charter.")],
    config: Config = Path(SETTINGS_NAME),
    auditor: Annotated[
        Path | None, typer.Option(help="The auditor's new card, if it changes.")
    ] = None,
    contract: Annotated[
        Path | None, typer.Option(help="The new feature contract, if it changes.")
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(help="New cap for each partner's borrowers, over all charters' runs."),
    ] = None,
) -> None:
    """Draw up the next charter for new code, partners, keys or caps; budgets go on."""
    micro = None if epsilon is None else _micro(epsilon, "--epsilon")
    renewal = Renewal(partner, auditor=auditor, contract=contract, epsilon_micro=micro)
    settings = load_settings(config)
    _, before = load_charter_model(settings.charter)
    charter = renew(settings, renewal, out)
    typer.echo("\n".join(changes(before, load_charter_model(charter)[1])))
    typer.echo(
        f"Made {charter}. Pass it from signer to signer (fedscore-partner sign, fedscore-audit "
        f"sign); then: fedscore-server adopt {out}"
    )


@app.command("adopt")
def adopt_command(
    folder: Annotated[Path, typer.Argument(help="Folder with charter, signatures, contract.")],
    config: Config = Path(SETTINGS_NAME),
    abandon: Annotated[
        str | None, typer.Option(help="Give up this unfinished run: it ends with its charter.")
    ] = None,
) -> None:
    """Put the next charter in force, once everybody has signed it."""
    digest, since = adopt(load_settings(config), folder, abandon=abandon)
    typer.echo(
        f"Charter {digest} is in force since entry {since}. Give charter.toml, signatures.json and "
        "contract.toml to everybody: nodes answer once they are restarted with them."
    )


app.command()(scorecard)
app.command("model-card")(model_card)
app.command("issue-caller")(issue_caller)
app.command()(serve)
app.command()(doctor)
app.command("score-file")(score_file)
app.command("route")(route)
app.command()(profiles)
app.command("init-receipts")(init_receipts)
app.command("export-receipts")(export_receipts)


@app.command("serve-log")
def serve_log(
    config: Config = Path(SETTINGS_NAME),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port there.")] = 50052,
    most_watchers: Annotated[int, typer.Option(help="Most watching at once.", min=1)] = 100,
) -> None:
    """Show the log over gRPC with TLS, also while another process trains; needs no private key."""
    from server.audit_service.main import AuditSettings
    from server.audit_service.main import serve_log as show

    settings = load_settings(config)
    _, terms = load_charter_model(settings.charter)
    log_to_stderr()
    asyncio.run(
        show(
            terms.log,
            AuditSettings(
                log_path=settings.log,
                certificate_path=settings.server_cert,
                key_path=settings.server_key,
                host=host,
                port=port,
                most_watchers=most_watchers,
            ),
        )
    )


@app.command()
def simulate(
    data: Annotated[Path, typer.Option(help="Your loans, .parquet or .csv.")],
    contract: Annotated[Path, typer.Option(help="A feature contract for them.")],
    partners: Annotated[int, typer.Option(help="Uneven parts to cut them into.", min=1)] = 5,
    epsilon: Annotated[float, typer.Option(help="Budget of each part's borrowers.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Train on one file as a federation would, in this process, and say what it would bring."""
    from server.rehearsal import rehearsal_text, rehearse

    micro = _micro(epsilon, "--epsilon")
    result = rehearse(data, contract, partners=partners, epsilon_micro=micro)
    typer.echo(json.dumps(result) if as_json else rehearsal_text(result))


class _Operation:
    """A run from the command line: a new one, or one that is taken up again."""

    def __init__(  # what the commands that run something have in common
        self,
        command: str,
        config: Path,
        name: str | None,
        resume: str | None,
        abandon: str | None,
        *,
        as_json: bool,
    ) -> None:
        if name and resume:
            raise ConfigError("give --name for a new run or --resume for an old one, not both")
        made = f"run-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        self.name = resume or name or made
        self._is_new = resume is None
        self._command, self._config, self._abandon = command, config, abandon
        self._as_json = as_json

    def run(self, purpose: DriftPurpose | None = None) -> None:
        """Run it, and show its progress on stderr: as JSON lines, or for people."""
        os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
        os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")
        from server.runs import operate_run  # here: it loads all of Flower

        run = functools.partial(
            operate_run,
            self._config,
            self.name,
            is_new=self._is_new,
            purpose=purpose,
            abandon=self._abandon,
        )
        try:
            if self._as_json:
                run(show=_show_json)
                return
            with ProgressView(Console(stderr=True)) as view:
                run(show=view.show)
        except KeyboardInterrupt:
            again = f"{self._command} --config {self._config} --resume {self.name}"
            typer.echo(f"interrupted. Then: fedscore-server {again}", err=True)
            raise


def _show_json(event: Event) -> None:
    typer.echo(json.dumps(event))


def _micro(epsilon: float, option: str) -> int:
    if not 0 < epsilon <= MOST_EPSILON:  # also false for NaN
        raise ConfigError(f"{option} {epsilon:g}: expected above 0 and at most {MOST_EPSILON}")
    return round(epsilon * 1_000_000)
