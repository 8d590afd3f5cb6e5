"""The wire is standard: a client in another language, from the .proto files alone."""

import json
import subprocess
from pathlib import Path

from server.serving.main import start_server
from tests.unit.server.serving.world import (
    applicant,
    limit_request,
    make_release,
    serving,
    tls_settings,
    write_world,
)

ROOT = Path(__file__).parents[2]


def test_node_is_answered_as_the_scorecard_says(tmp_path: Path) -> None:
    write_world(tmp_path)
    asked = limit_request()
    request = {
        "request_id": asked.request_id,
        "requested_amount_minor": asked.requested_amount_minor,
        "currency": asked.currency,
        "features": {**applicant().numbers, **applicant().categories},
    }
    (tmp_path / "applicant.json").write_text(json.dumps(request))
    release = make_release()
    running = start_server(serving(release), tls_settings(tmp_path, client_ca=True))
    try:
        files = ("applicant.json", "ca.pem", "platform.pem", "platform.key")
        said = subprocess.run(
            ["node", str(ROOT / "examples/node/decide.mjs"), f"127.0.0.1:{running.port}"]
            + [str(tmp_path / name) for name in files],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    finally:
        running.stop(0)
    (score,) = release.scorecard.score(applicant().columns(release.scorecard.contract))
    answer = json.loads(said.stdout)
    assert answer["points"] == score.points
    assert answer["outcome"] in ("OUTCOME_APPROVE", "OUTCOME_COUNTEROFFER", "OUTCOME_DECLINE")
    assert answer["limitMinor"] <= asked.requested_amount_minor
