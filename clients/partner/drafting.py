"""A first draft of a feature contract from a file's column names, with the bounds left blank.

Bounds, lists and codes must be public knowledge, so none is ever read from the data: the draft
has the columns and their kinds, and says what to fill in.
"""

from collections.abc import Mapping

import tomli_w

_HEAD = """\
# Draft of a feature contract. Fill in every "" from public knowledge (product terms, data
# dictionaries, law), never from what your borrowers happen to have.
# Every column of the file is among the fields: once you have named the borrower id and the
# outcome, delete these two from the fields. Delete fields too that are not known at application
# time, that are another lender's score, or that may not be used.
# What any field may say besides (docs/contracts.md has every key):
#   reason_zh = "..."          # the reason in Chinese
#   is_changeable = true       # a borrower can do something about it, so it may be advised
# What a numeric field may say besides:
#   special = [{ code = "-1", meaning = "..." }]  # values that are no quantities
#   is_whole = true            # values are whole numbers, and ranges are named by such
#   beyond_bounds = "refuse"   # refuse questions beyond the bounds; else they count as the bound
#   formula = "ratio"          # computed from earlier fields; or "total" or "largest", without over
#   of = ["..."]
#   over = ["..."]
schema = 1
segments = []  # categorical fields for whose levels a release reports how good it is
name = ""
borrower_id = ""
currency = ""

[outcome]
column = ""
bad = ""
good = ""
definition = ""
window_months = 12
"""

_COMMON = """\
label = ""
group = ""  # application, bureau, transaction, consumption or social
computed_from = "own"  # own or public; a value computed from other borrowers is not allowed
may_be_missing = false
"""


def draft_contract(columns: Mapping[str, bool]) -> str:
    """Return a TOML draft.

    Args:
        columns: Column names, and whether the column holds numbers.
    """
    return "\n".join([_HEAD, *(_field(name, is_number) for name, is_number in columns.items())])


def _field(name: str, is_number: bool) -> str:
    kind = _numeric() if is_number else _categorical()
    code = "".join(
        letter if letter.isascii() and letter.isalnum() else "_" for letter in name.upper()
    )
    return (
        f"[[fields]]\n{tomli_w.dumps({'name': name})}{kind}{_COMMON}"
        f'reason_code = "{code}"\nreason = ""\n'
    )


def _numeric() -> str:
    return (
        'kind = "numeric"\nunit = ""\nlow = ""\nhigh = ""\n'
        'spacing = "linear"  # or log, for wide ranges such as incomes\n'
        'direction = "none"  # rising: a higher value means more defaults; falling: fewer\n'
    )


def _categorical() -> str:
    return 'kind = "categorical"\nlevels = []\ndirection = "none"\n'
