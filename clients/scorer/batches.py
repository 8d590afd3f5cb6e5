"""Many questions in requests that a server takes, each streamed and gone on with if cut off."""

from collections.abc import Iterable, Iterator, Sequence

from clients.scorer.calls import Call, Score, batch_score
from protocols.contracts.scores import ScoreRequest
from protocols.errors import ContractError
from protocols.translate_questions import score_request_to_wire
from protocols.wire import scoring_v1_pb2 as scoring

MOST_BYTES = 256 * 1024  # of a request, as docs/limits.md has it
MOST_QUESTIONS = 4_096
_FRAME_BYTES = 5  # of a question in a request, beside its own: a tag and a length below 2^28


class Batch:
    """Questions of one request, and what has come of it."""

    def __init__(self, messages: Sequence[scoring.ScoreRequest]) -> None:
        """Begin with no answer."""
        self._messages = messages
        self.scores: list[Score] = []

    def call(self) -> Call[Score]:
        """Return the call that asks what has no answer yet."""
        return batch_score(self._messages[len(self.scores) :])

    def checked(self) -> Sequence[Score]:
        """Return the answers, once the stream has ended.

        Raises:
            ContractError: There is not one for each question.
        """
        if len(self.scores) != len(self._messages):
            counts = f"{len(self.scores)} results for {len(self._messages)} requests"
            raise ContractError(f"answer: {counts}")
        return self.scores


def batches(requests: Iterable[ScoreRequest], *, most_bytes: int = MOST_BYTES) -> Iterator[Batch]:
    """Yield all questions in their order, as many in each batch as ``most_bytes`` hold.

    One that is larger is a batch by itself, for the server to refuse.
    """
    part: list[scoring.ScoreRequest] = []
    size = 0
    for message in map(score_request_to_wire, requests):
        more = message.ByteSize() + _FRAME_BYTES
        if part and (size + more > most_bytes or len(part) == MOST_QUESTIONS):
            yield Batch(part)
            part, size = [], 0
        part.append(message)
        size += more
    if part:
        yield Batch(part)
