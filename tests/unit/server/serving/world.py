"""A small world to serve in: a contract, a random release, a policy, TLS files, a process.

``python -m tests.unit.server.serving.world FOLDER`` serves what ``write_world`` put there, in
plain text on loopback, and prints the port; the integration tests kill that process.
"""

import ipaddress
import sys
import threading
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import torch
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from model.artifacts import Release, tensor_bytes
from model.drift import Reference
from model.features import Encoding
from model.link import Link
from model.queries.evaluation import SCORE_BINS
from model.scorecard import Scorecard
from protocols.contracts.applicants import Applicant
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.features import FeatureContract, contract_digest, contract_from_table
from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.release import Calibration, Evaluation, Interval, ReleaseManifest, Scaling
from protocols.contracts.scores import ScoreRequest
from protocols.ledger.canonical import digest
from server.decisions.policy import policy_from_table
from server.decisions.regulation import load_profiles
from server.serving.main import RunningServer, ServingSettings, start_server
from server.serving.releases import Served, fixed
from server.serving.rulebooks import Rulebook
from tests.policies import write_policies

SCALING = Scaling(base_points=600, base_odds=50, points_to_double=20)

POLICY_TOML = """\
schema = 2
name = "test-loan"
product = "test-loan"
currency = "USD"
profile = "us"
author = "ana"
time_zone = "America/New_York"
valid_days = 30

[terms]
minimum_minor = 100_000
maximum_minor = 4_000_000
step_minor = 2_500

[[plans]]
method = "EQUAL_INSTALMENT"
day_count = "30/360"
months = [12, 36]

[line]
increase_after_days = 90
increase_after_reviews = 2
increase_share = "0.5"
decrease_after_reviews = 2

[[segments.CONSUMER.bands]]
name = "A"
p_default_up_to = "0.2"
limit_minor = 4_000_000
annual_rate = "0.09"

[[segments.CONSUMER.bands]]
name = "B"
p_default_up_to = "0.8"
limit_minor = 500_000
annual_rate = "0.18"

[[segments.CONSUMER.bands]]
name = "C"
p_default_up_to = "1"
limit_minor = 0
"""

ACCESS_TOML = """\
schema = 1

[[tenants]]
name = "platform"
names = ["platform.example"]
scopes = ["score", "decide", "read", "releases", "cases", "recourse"]
rows_per_second = 1_000
burst = 1_000

[[tenants.callers]]
name = "ann"
names = ["ann.example"]
scopes = ["cases", "review"]

[[tenants.callers]]
name = "bob"
names = ["bob.example"]
scopes = ["cases", "review"]

[[tenants]]
name = "rival"
names = ["rival.example"]
scopes = ["decide", "read", "cases", "recourse"]
rows_per_second = 1_000
burst = 1_000
per_subject = 3
"""


def contract_table() -> dict[str, object]:
    """Return a feature contract with every kind of field, as TOML would parse."""
    return {
        "schema": 1,
        "name": "test-loan",
        "borrower_id": "borrower",
        "currency": "USD",
        "outcome": {
            "column": "outcome",
            "bad": "1",
            "good": "0",
            "definition": "Ninety days late.",
            "window_months": 12,
        },
        "fields": [
            _numeric("income", low="0", high="250000", spacing="log", direction="falling"),
            _numeric("utilisation", low="0", high="1.5", spacing="linear", direction="rising"),
            {
                **_numeric("inquiries", low="0", high="20", spacing="linear", direction="rising"),
                "special": [{"code": "-9", "meaning": "No bureau file."}],
            },
            _categorical("home", ["own", "rent", "mortgage"]),
            _categorical("term", ["36 months", "60 months"]),
        ],
    }


def make_contract() -> FeatureContract:
    """Return the contract of ``contract_table``."""
    return contract_from_table(contract_table(), where="test contract")


def make_scorecard(seed: int = 1) -> Scorecard:
    """Return a scorecard whose bins, weights and shares are drawn from ``seed``."""
    contract, draw = make_contract(), torch.Generator().manual_seed(seed)
    encoding = Encoding(tuple(_bins(field.cell_count, draw) for field in contract.fields))
    shares = torch.rand(encoding.width, dtype=torch.float64, generator=draw) + 0.01
    for start, count in zip(encoding.offsets, encoding.bin_counts, strict=True):
        shares[start : start + count] /= shares[start : start + count].sum()
    shares[0] = 1.0
    return Scorecard(
        contract=contract,
        encoding=encoding,
        weights=torch.randn(encoding.width, dtype=torch.float64, generator=draw) * 3,
        bin_shares=shares,
        link=Link(intercept=-0.5),
        scaling=SCALING,
    )


def make_release(seed: int = 1) -> Release:
    """Return a release of ``make_scorecard``."""
    scorecard = make_scorecard(seed)
    reference = Reference(
        score_edges=torch.linspace(-4, 1, SCORE_BINS + 1, dtype=torch.float64),
        shares=torch.cat([scorecard.bin_shares[1:], torch.full((SCORE_BINS,), 0.1)]),
        deviations=torch.full((scorecard.encoding.width - 1 + SCORE_BINS,), 0.01).to(torch.float64),
    )
    tensors, table = tensor_bytes(scorecard, reference), contract_table()
    interval = Interval(estimate="0.7", low="0.6", high="0.8")
    manifest = ReleaseManifest(
        schema=2,
        federation="test",
        run=f"run-{seed}",
        charter_digest="00" * 32,
        contract_digest=contract_digest(table).hex(),
        contract=table,
        encoding=scorecard.encoding.bins,
        tensors_digest=digest(tensors).hex(),
        clip_norm="0.5",
        calibration=Calibration(intercept="0", slope="1"),
        scaling=SCALING,
        evaluation=Evaluation(
            auc=interval,
            ks=interval,
            brier=interval,
            calibration_error=interval,
            bad_rate=interval,
            bands=(),
            segments=(),
        ),
        privacy=(),
        log_size=1,
        log_root="00" * 32,
    )
    return Release(manifest.digest, manifest, scorecard, reference)


def serving(release: Release) -> Callable[[], Served]:
    """Return what a server is told of one release that answers everybody."""
    served = fixed(release)
    return lambda: served


def make_policy(**changes: object) -> LimitPolicy:
    """Return the policy of ``POLICY_TOML`` with top-level keys replaced."""
    return policy_from_table({**policy_table(), **changes}, where="policy.toml")


def policy_table() -> dict[str, object]:
    """Return ``POLICY_TOML`` as it parses."""
    return tomllib.loads(POLICY_TOML)


def make_rulebook(**changes: object) -> Rulebook:
    """Return that policy and the profile that it names."""
    policy = make_policy(**changes)
    return Rulebook(policy, load_profiles()[policy.profile])


def applicant() -> Applicant:
    """Return an applicant with a value for most fields."""
    numbers = {"income": 41_234.5678, "utilisation": 0.777123, "inquiries": 3.0}
    return Applicant(numbers=numbers, categories={"home": "rent"})


def limit_request(request_id: str = "request-1", amount_minor: int = 700_000) -> LimitRequest:
    """Return a limit request of ``applicant``."""
    return LimitRequest(
        request_id=request_id,
        features=applicant(),
        requested_amount_minor=amount_minor,
        currency="USD",
    )


def score_request(request_id: str = "request-1") -> ScoreRequest:
    """Return a score request of ``applicant``."""
    return ScoreRequest(request_id=request_id, features=applicant())


def write_world(folder: Path) -> None:
    """Write policies, access, TLS files: ``ca.pem``, ``NAME.pem``, ``NAME.key`` for six names."""
    write_policies(folder / "policies", POLICY_TOML)
    (folder / "access.toml").write_text(ACCESS_TOML, encoding="utf-8")
    authority, authority_key = _certificate("test CA")
    _write_pem(folder / "ca.pem", authority)
    for name in ("server", "platform", "rival", "stranger", "ann", "bob"):
        certificate, key = _certificate(name, issuer=(authority, authority_key))
        _write_pem(folder / f"{name}.pem", certificate)
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def plain_settings(folder: Path) -> ServingSettings:
    """Return settings for plain text on a free loopback port; with receipts if they are begun."""
    receipts = folder / "receipts"
    return ServingSettings(
        port=0,
        journal=str(folder / "journal.sqlite"),
        policies_path=folder / "policies",
        insecure_loopback=True,
        receipts=receipts if receipts.exists() else None,
    )


def tls_settings(folder: Path, *, client_ca: bool = False) -> ServingSettings:
    """Return settings for TLS on a free loopback port; with ``client_ca`` callers are asked who."""
    return ServingSettings(
        port=0,
        journal=str(folder / "journal.sqlite"),
        policies_path=folder / "policies",
        certificate_path=folder / "server.pem",
        key_path=folder / "server.key",
        client_ca_path=folder / "ca.pem" if client_ca else None,
        access_path=folder / "access.toml" if client_ca else None,
        any_caller=not client_ca,
    )


def tls_channel(folder: Path, running: RunningServer) -> grpc.aio.Channel:
    """Return a channel to a server that ``tls_settings`` started."""
    credentials = grpc.ssl_channel_credentials((folder / "ca.pem").read_bytes())
    return grpc.aio.secure_channel(f"127.0.0.1:{running.port}", credentials)


def serve_plainly(folder: Path) -> None:
    """Serve in plain text until killed, after the port was printed."""
    running = start_server(serving(make_release()), plain_settings(folder))
    sys.stdout.write(f"{running.port}\n")
    sys.stdout.flush()
    threading.Event().wait()


def _numeric(name: str, **rules: str) -> dict[str, object]:
    return {**_field(name), **rules, "kind": "numeric", "unit": "units"}


def _categorical(name: str, levels: list[str]) -> dict[str, object]:
    return {**_field(name), "direction": "none", "kind": "categorical", "levels": levels}


def _field(name: str) -> dict[str, object]:
    return {
        "name": name,
        "label": name.capitalize(),
        "group": "application",
        "computed_from": "own",
        "may_be_missing": True,
        "reason_code": f"R.{name.upper()}",
        "reason": f"Your {name} cost points.",
    }


def _bins(cells: int, draw: torch.Generator) -> tuple[int, ...]:
    count = min(cells, 8)
    free = torch.randint(count, (cells - count,), generator=draw).tolist()
    return (*range(count), *free)  # every bin has a cell


def _certificate(
    name: str,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                    x509.DNSName(f"{name.split()[0]}.example"),
                ]
            ),
            critical=False,
        )
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def _write_pem(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


if __name__ == "__main__":
    serve_plainly(Path(sys.argv[1]))
