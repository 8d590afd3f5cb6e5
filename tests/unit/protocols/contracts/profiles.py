"""A made-up regulatory profile, table by table, for tests to bend."""

Table = dict[str, object]

SOURCE = "a law, section 1"
BOTH = ("CONSUMER", "MICRO_SMALL_BUSINESS")
FIRST = "2020-01-01"


def dated(name: str, since: str = FIRST, **rest: object) -> Table:
    """Return a rule with a source."""
    return {"id": name, "from": since, "source": SOURCE, **rest}


def data_rule(name: str = "data", since: str = FIRST, **rest: object) -> Table:
    """Return a rule about data that bars and asks for consent."""
    says = {"barred_groups": ["social"], "consent_groups": ["bureau"], "needs_consent": True}
    return dated(name, since, **{**says, **rest})


def notice(name: str = "notice", since: str = FIRST, **rest: object) -> Table:
    """Return a notice for both segments."""
    return dated(name, since, **{"segments": list(BOTH), "contents": ["ACTION_TAKEN"], **rest})


def review(name: str = "review", since: str = FIRST, **rest: object) -> Table:
    """Return a right to review of declines."""
    says = {"may_request": True, "reviewable": ["DECLINE"], "needs_own_triggers": False}
    return dated(name, since, **{**says, **rest})


def line_cap(name: str, since: str = FIRST, **rest: object) -> Table:
    """Return a cap on consumers' lines in yuan."""
    says = {"segments": ["CONSUMER"], "currency": "CNY", "minor": 20_000_000}
    return dated(name, since, **{**says, **rest})


def rate_cap(name: str, since: str = FIRST, **rest: object) -> Table:
    """Return a cap on consumers' cost; ``rest`` says which."""
    return dated(name, since, segments=["CONSUMER"], basis="EFFECTIVE", **rest)


def value(name: str, since: str, percent: str, **rest: object) -> Table:
    """Return a value of a reference rate."""
    return dated(name, since, percent=percent, **rest)


def reference(*values: Table, name: str = "LPR") -> Table:
    """Return a reference rate."""
    return {"name": name, "title": "A prime rate", "values": list(values)}


def profile_table(**tables: object) -> Table:
    """Return the least profile there is, with some of its tables replaced."""
    return {
        "schema": 1,
        "name": "land",
        "title_en": "A land",
        "title_zh": "某地",
        "jurisdiction": "CN",
        "valid_from": FIRST,
        "about": "A land that is not there.",
        "data": [data_rule()],
        "notices": [notice()],
        "reviews": [review()],
        **tables,
    }
