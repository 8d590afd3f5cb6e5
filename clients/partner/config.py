"""A partner's settings: one TOML file, read once; its policy is never looser than the charter."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from model.queries.answer import MOST_ENTRIES
from protocols.contracts.charter import CapMicro, PositiveDecimal
from protocols.contracts.features import FeatureContract, Name
from protocols.ledger.price import parse_decimal
from protocols.ledger.terms import Terms
from protocols.settings import FileSettings, read_settings

Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]+:[0-9]{1,5}$")]


class OwnPolicy(BaseModel):
    """The partner's own limits; where one is set, the stricter of it and the charter's holds.

    Attributes:
        released_cap_micro, worst_cap_micro: Of all runs together.
        run_cap_micro: Of each run by itself, towards a user of the model.
        minimum_noise_multiplier: Of every order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    released_cap_micro: CapMicro | None = None
    worst_cap_micro: CapMicro | None = None
    run_cap_micro: CapMicro | None = None
    minimum_noise_multiplier: PositiveDecimal | None = None

    def stricter(self, terms: Terms) -> Terms:
        """Return the charter's terms with every limit at the stricter of the two."""
        noise = self.minimum_noise_multiplier
        return terms.stricter(
            released_cap_micro=self.released_cap_micro,
            worst_cap_micro=self.worst_cap_micro,
            run_cap_micro=self.run_cap_micro,
            minimum_noise=None if noise is None else parse_decimal(noise),
        )


class PartnerSettings(FileSettings):
    """Where a partner's things are. Paths are relative to the settings file.

    Attributes:
        name: The partner's name in the charter.
        coordinator: ``host:port`` of the coordinator.
        data: The partner's loans, ``.parquet`` or ``.csv``.
        recent: Recent applicants, the same without outcomes; what drift is measured on.
        charter, contract: TOML files; the charter's signatures lie beside it.
        ca_cert: Certificate that the coordinator's TLS must chain to.
        keys: Folder that ``init`` made.
        book: The budget book; keep it for ever, and back it up.
        state: Folder for the connection's state, and for rows while a node runs.
        memory_mib: Memory for rows at start, and again in a pass, roughly.
        policy: The partner's own limits.
    """

    name: Name
    coordinator: Address
    data: Path
    recent: Path | None = None
    charter: Path = Path("charter.toml")
    contract: Path = Path("contract.toml")
    ca_cert: Path = Path("ca.crt")
    keys: Path = Path("keys")
    book: Path = Path("budget.sqlite")
    state: Path = Path("state")
    memory_mib: Annotated[int, Field(ge=32, le=2**20)] = 256
    policy: OwnPolicy = OwnPolicy()

    def rows_at_once(self, contract: FeatureContract) -> int:
        """Return how many rows may be read at a time: 64 bytes a value as text, four copies."""
        return self.memory_mib * 2**20 // (4 * 64 * (len(contract.fields) + 2))

    @property
    def most_entries(self) -> int:
        """What a pass may hold: eight bytes an entry, about five copies."""
        return min(MOST_ENTRIES, self.memory_mib * 2**20 // (5 * 8))


def load_partner_settings(path: Path) -> PartnerSettings:
    """Read the settings, with every path made absolute from the file's folder.

    Raises:
        ConfigError: The file is missing or breaks a rule; says where.
    """
    return read_settings(PartnerSettings, path)
