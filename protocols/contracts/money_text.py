"""Money as people read it."""

# ISO 4217: how many digits a minor unit has, where it is not two.
_NO_DIGITS = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_DIGITS = {
    **dict.fromkeys(_NO_DIGITS, 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def say_money(minor: int, currency: str) -> str:
    """Return an amount of at least 0 with its thousands set apart and its ISO 4217 code."""
    digits = _DIGITS.get(currency, 2)
    whole, rest = divmod(minor, 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{whole:,}{fraction} {currency}"
