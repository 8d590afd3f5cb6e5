"""A part of serving.py, serving_crash.py and soak.py: the whole server, on a generated release.

Everything that ``fedscore-server serve`` runs but the registry and the log's proof: tenants,
parsing, checks, a scorecard of 22 numbers and 8 categories, the limit policy, reasons, journal.

    python -m benchmarks.served --core fast --port 50051 --journal FILE [--tls FOLDER [--callers]]
    python -m benchmarks.served --write-request FILE
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

from benchmarks.batch import make_scorecard
from model.artifacts import Release
from protocols.contracts.applicants import PackedApplicant
from protocols.contracts.decisions import LimitRequest
from protocols.stopping import stop_signals
from protocols.translate_questions import limit_request_to_wire
from server.serving.main import ServingSettings, start_server
from tests.policies import write_policies
from tests.unit.server.serving.world import POLICY_TOML, make_release, serving

METHOD = "/fedscore.decisions.v1.LimitDecisionService/DecideLimit"
MARK = "0" * 19  # in a request's id, for a number


def release() -> Release:
    """Return a release of the generated scorecard."""
    return dataclasses.replace(make_release(), scorecard=make_scorecard())


def request(request_id: str, *, subject: str = "") -> bytes:
    """Return a question for a limit, packed."""
    served = release()
    inputs = served.scorecard.contract.inputs
    numbers = sum(field.kind == "numeric" for field in inputs)
    packed = PackedApplicant(
        contract_digest=bytes.fromhex(served.manifest.contract_digest),
        numbers=tuple(1.5 * place for place in range(numbers)),
        codes=tuple(place % 3 for place in range(len(inputs) - numbers)),
    )
    asked = LimitRequest(
        request_id=request_id,
        features=packed,
        requested_amount_minor=700_000,
        currency=served.scorecard.contract.currency,
        subject=subject,
    )
    return limit_request_to_wire(asked).SerializeToString()


def main() -> None:
    """Serve until SIGTERM, or write a request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", choices=["fast", "public"], default="fast")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", default="journal.sqlite")
    parser.add_argument("--tls", type=Path, help="has server.crt and server.key")
    parser.add_argument(
        "--callers", action="store_true", help="ask who they are: callers.crt and access.toml, too"
    )
    parser.add_argument("--write-request", type=Path)
    asked = parser.parse_args()
    if asked.write_request:
        asked.write_request.write_bytes(request(f"r{MARK}"))
        return
    # The policies in the folder are followed.
    with stop_signals() as told, tempfile.TemporaryDirectory() as folder:
        running = start_server(serving(release()), _settings(asked, Path(folder)))
        sys.stdout.write(f"{running.port}\n")
        sys.stdout.flush()
        told.get()
        running.stop()


def _settings(asked: argparse.Namespace, folder: Path) -> ServingSettings:
    policies, tls = folder / "policies", asked.tls
    write_policies(policies, POLICY_TOML)
    return ServingSettings(
        port=asked.port,
        journal=asked.journal,
        policies_path=policies,
        core=asked.core,
        certificate_path=tls and tls / "server.crt",
        key_path=tls and tls / "server.key",
        client_ca_path=tls / "callers.crt" if tls and asked.callers else None,
        access_path=tls / "access.toml" if tls and asked.callers else None,
        any_caller=tls is not None and not asked.callers,
        insecure_loopback=tls is None,
    )


if __name__ == "__main__":
    main()
