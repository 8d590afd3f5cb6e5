"""How the annual cost of a loan is measured: the bases that laws name."""

from typing import Literal

CostBasis = Literal["NOMINAL_X12", "EFFECTIVE", "EU_APRC", "REGZ_ACTUARIAL", "ALL_IN_COST_CN"]
