"""The report for programs: the same facts as JSON, in integers and texts."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from clients.auditor.facts import Facts
from clients.auditor.report.checklist import EVIDENCE, checklist
from clients.auditor.report.registry import BLANKS, registry_entry
from clients.auditor.verdict import LIMITS

FORMAT = "fedscore-report/1"


def render_json(facts: Facts) -> str:
    """Return the report as JSON, in English whatever the page's language.

    Epsilons are micro-epsilon, mu and shares are millionths. The one number that is not whole is
    ``registry.deployment.privacy_loss.privacy_parameters.epsilon``, as the registry wants it.
    """
    checks = [
        {
            "number": each.number,
            "status": str(each.status),
            "evidence": dict(each.evidence),
            "elsewhere": EVIDENCE.get(each.number, ""),
        }
        for each in checklist(facts)
    ]
    table: Mapping[str, Any] = {  # Any: asdict gives no more
        "format": FORMAT,
        **asdict(facts),
        "checklist": checks,
        "limits": LIMITS,
        "registry": registry_entry(facts),
        "registry_blanks": list(BLANKS),
    }
    return json.dumps(table, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
