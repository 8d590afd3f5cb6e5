"""Every law that a policy is held to, in the order in which it is looked at."""

from collections.abc import Mapping

from server.proof import limit_laws, line_laws, price_laws, reason_laws
from server.proof.law import Law

LAWS: Mapping[str, Law] = {
    law.name: law
    for law in (*limit_laws.LAWS, *price_laws.LAWS, *reason_laws.LAWS, *line_laws.LAWS)
}
