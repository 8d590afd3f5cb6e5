"""Flower ClientApp: message -> delivery -> answer -> reply -> message. Touches no data.

What answers is an argument. The coordinator's bundle also names this file, so the module holds
an `app` that refuses everything: a node runs its own installed code and never the bundle.
"""

import logging
from collections.abc import Callable

from flwr.app import Context, Error, Message
from flwr.clientapp import ClientApp

from protocols.contracts.orders import Delivery, Reply
from protocols.errors import OrderRefusedError, ScoringError
from protocols.records import delivery_from_records, reply_to_records

Answer = Callable[[Delivery], Reply]

REFUSED = "refused"  # the whole text that leaves: a reason could depend on data
REFUSED_CODE = 100  # Flower's own codes are below; only the code and the text travel

_logger = logging.getLogger(__name__)


def client_app(answer: Answer) -> ClientApp:
    """Return a ClientApp that hands every order to ``answer``.

    Whatever ``answer`` raises becomes one constant error reply; the reason stays in this
    process's log, and of an exception that is not ours not even the text is logged.
    """
    client = ClientApp()

    @client.query("order")
    def order(message: Message, _context: Context) -> Message:
        return _answered(message, answer)

    return client


def _answered(message: Message, answer: Answer) -> Message:
    try:
        reply = answer(delivery_from_records(message.content))
        return Message(reply_to_records(reply), reply_to=message)
    except ScoringError as err:
        _logger.warning("order refused", extra={"error": type(err).__name__, "reason": str(err)})
    except Exception as err:  # the edge: nothing but a constant may leave, whatever happened
        _logger.error("order failed", extra={"error": type(err).__name__, "at": _where(err)})
    return Message(Error(code=REFUSED_CODE, reason=REFUSED), reply_to=message)


def _where(err: BaseException) -> str:
    """Return file and line of the raise: enough to find the fault, and never a value."""
    last = err.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return "" if last is None else f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}"


def _refuse(_delivery: Delivery) -> Reply:
    raise OrderRefusedError("a node never runs the coordinator's bundle")


app = client_app(_refuse)
