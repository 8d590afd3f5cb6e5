"""``fedscore-server policy``: what officers do to limit policies, and who may look."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.errors import ConfigError
from protocols.ledger.keyfile import create_key, load_key

if TYPE_CHECKING:  # loaded when a command needs them, which few of the coordinator's do
    from server.policies.acting import Signer, Taken
    from server.policies.book import Book

app = typer.Typer(
    help="The life of a limit policy: submitted, approved by another person, activated, retired.",
    no_args_is_help=True,
)

_TEXT_DIGITS = 12  # of a digest, where people read it

Where = Annotated[
    Path, typer.Option("--policies", envvar="FEDSCORE_POLICIES", help="The policy book's folder.")
]
KeyFile = Annotated[Path, typer.Option("--key", help="Your private key, from `policy key`.")]
Digest = Annotated[str, typer.Argument(help="The policy's digest, or how it begins.")]
From = Annotated[
    str, typer.Option("--from", help="now (in five seconds), or 2027-01-01T00:00:00+01:00.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Your name, as acts will have it.")],
    role: Annotated[
        list[str], typer.Option(help="author or approver: what you may sign; may be given twice.")
    ],
    key: KeyFile,
) -> None:
    """Make a private key, and print what officers.toml must have for it."""
    from server.policies.officers import officer_text  # here: see above

    officer_text(name, role, bytes(32))  # before a file is made
    public = create_key(key).public_key().public_bytes_raw()
    typer.echo(officer_text(name, role, public))
    typer.echo(f"Keep {key} to yourself; the lines are for officers.toml.", err=True)


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="The policy, in TOML.")],
    key: KeyFile,
    policies: Where = Path("policies"),
    as_json: AsJson = False,
) -> None:
    """Hand in a draft, as its author."""
    try:
        raw = file.read_bytes()
    except OSError as err:
        raise ConfigError(f"{file.name}: cannot be read; check the path") from err
    digest = _signer(policies, key).submit(raw, where=file.name).hex()
    following = f"fedscore-server policy approve {digest} --key KEY"
    said = f"Submitted {digest}. Next, by another person: {following}"
    _say(as_json, said, policy=digest)


@app.command()
def approve(
    policy: Digest, key: KeyFile, policies: Where = Path("policies"), as_json: AsJson = False
) -> None:
    """Approve another person's draft; its proof is run first."""
    from server.policies.errors import UnprovenPolicyError  # here: see above
    from server.proof.proving import prove_by_search

    digest = _digest(policies, policy)
    try:
        proof = _signer(policies, key).approve(digest, prove=prove_by_search)
    except UnprovenPolicyError as err:
        typer.echo(err.said.rstrip(), err=True)
        raise
    following = f"fedscore-server policy activate {digest.hex()} --from now --key KEY"
    said = f"{proof.said}Approved. Next: {following}"
    _say(as_json, said, policy=digest.hex(), proof=proof.digest.hex())


@app.command()
def activate(
    policy: Digest,
    key: KeyFile,
    since: From,
    policies: Where = Path("policies"),
    as_json: AsJson = False,
) -> None:
    """Make an approved policy the active one of its product; an earlier one, to roll back."""
    taken = _signer(policies, key).activate(_digest(policies, policy), since=_instant(since))
    text = f"Active for {taken.product} from {_shown(taken.since_s)} on; servers follow by then."
    _say_taken(as_json, text, taken)


@app.command()
def retire(
    key: KeyFile,
    since: From,
    policy: Annotated[str | None, typer.Argument(help="A policy, which never is again.")] = None,
    product: Annotated[
        str | None, typer.Option(help="A product, until one of its policies is activated.")
    ] = None,
    policies: Where = Path("policies"),
    as_json: AsJson = False,
) -> None:
    """Let a policy never be active again, or a product have none; no limits are decided then."""
    if (policy is None) == (product is None):
        raise ConfigError("retire: give a policy's digest or --product, and not both")
    signer, at = _signer(policies, key), _instant(since)
    if policy is not None:
        taken = signer.retire_policy(_digest(policies, policy), since=at)
    else:
        taken = signer.retire_product(product or "", since=at)
    text = f"Retired from {_shown(taken.since_s)} on. What is active: fedscore-server policy list"
    _say_taken(as_json, text, taken)


@app.command("list")
def list_command(policies: Where = Path("policies"), as_json: AsJson = False) -> None:
    """Show every policy, where in its life it is, and when it is active."""
    book, at = _book(policies), datetime.now(UTC)
    if as_json:
        typer.echo(json.dumps([_facts(book, one, at) for one in book.lives]))
        return
    if not book.lives:
        typer.echo("No policy yet. Next: fedscore-server policy submit FILE --key KEY")
    for digest, life in book.lives.items():
        name, status = book.policies[digest].name, book.status(digest, at)
        short = digest.hex()[:_TEXT_DIGITS]
        typer.echo(f"{short}  {status:<8}  {life.product}  {name}  {_when(book, digest)}".rstrip())


@app.command()
def show(policy: Digest, policies: Where = Path("policies"), as_json: AsJson = False) -> None:
    """Show one policy: who stands for it, and when it is, was or will be active."""
    from server.policies.acting import resolve  # here: see above
    from server.policies.folder import PolicyFolder

    book = _book(policies)
    digest = resolve(book, policy)
    facts = _facts(book, digest, datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps(facts))
        return
    lines = [f"{name:<12}{value}" for name, value in facts.items() if isinstance(value, str)]
    typer.echo("\n".join([*lines, f"{'spans':<12}{_when(book, digest) or 'never active'}"]))
    typer.echo(f"{'file':<12}{PolicyFolder(policies).policy_file(digest)}")


@app.command()
def verify(
    policies: Where = Path("policies"),
    officers: Annotated[
        Path | None, typer.Option(help="Your own list of officers, not that of the folder.")
    ] = None,
    seen: Annotated[
        str | None, typer.Option(help="A head that was shown before: the book must go on from it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every signature, link, rule and file of the book, from its files alone."""
    from server.policies.book import check_seen  # here: see above

    book = _book(policies, officers)
    if seen is not None:
        check_seen(book, seen)
    acts, count = len(book.links), len(book.lives)
    said = f"{acts} acts on {count} policies, and the book is whole. Head: {book.head.hex()}"
    _say(as_json, said, acts=acts, policies=count, head=book.head.hex())


def _signer(policies: Path, key: Path) -> "Signer":
    from server.policies.acting import Signer  # here: see above

    return Signer(policies, load_key(key))


def _book(policies: Path, officers: Path | None = None) -> "Book":
    from server.policies.reading import verify_book  # here: see above

    return verify_book(policies, officers=officers)


def _digest(policies: Path, text: str) -> bytes:
    from server.policies.acting import resolve  # here: see above

    return resolve(_book(policies), text)


def _instant(text: str) -> datetime | None:
    if text == "now":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as err:
        raise ConfigError("--from: expected now, or an instant like 2027-01-01T00:00:00Z") from err
    if at.tzinfo is None:
        raise ConfigError("--from: needs a time zone, such as Z or +01:00 at its end")
    return at


def _facts(book: "Book", digest: bytes, at: datetime) -> dict[str, object]:
    life, policy = book.life(digest), book.policies[digest]
    return {
        "policy": digest.hex(),
        "name": policy.name,
        "product": life.product,
        "currency": policy.currency,
        "status": book.status(digest, at),
        "author": life.author,
        "submitted": _shown(life.submitted_s),
        "approver": life.approver,
        "approved": _shown(life.approved_s),
        "proof": None if life.proof_digest is None else life.proof_digest.hex(),
        "retired": _shown(life.retired_s),
        "spans": [
            {"from": _shown(span.since_s), "until": _shown(span.until_s)}
            for span in book.spans_of(digest)
        ],
    }


def _when(book: "Book", digest: bytes) -> str:
    spans = book.spans_of(digest)
    return ", ".join(f"{_shown(one.since_s)} to {_shown(one.until_s) or '...'}" for one in spans)


def _shown(seconds: int | None) -> str | None:
    from server.policies.book import instant_of  # here: see above

    return None if seconds is None else f"{instant_of(seconds):%Y-%m-%dT%H:%M:%SZ}"


def _say_taken(as_json: bool, text: str, taken: "Taken") -> None:
    facts = {"product": taken.product, "from": _shown(taken.since_s)}
    typer.echo(json.dumps(facts) if as_json else text)


def _say(as_json: bool, text: str, **facts: object) -> None:
    typer.echo(json.dumps(facts) if as_json else text)
