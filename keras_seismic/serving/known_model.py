"""What a client knows of its model, so that it need not ask before every request."""

import threading
import time
from collections.abc import Callable, Mapping

import numpy as np

from keras_seismic.serving.errors import InvalidInputError, SignatureNotFoundError
from keras_seismic.serving.signatures import Metadata, Signature, checked_inputs, find_signature

#: A description of the model that is older than this many seconds is asked for again before
#: inputs are refused by it: the server may have loaded another version.
TRUSTED_AGE = 5.0


class KnownModel:
    """The latest description of a model. Many threads may use it at once.

    Args:
        where: The beginning of error messages.
        ask: Asks the server for the description and calls ``keep``.
    """

    def __init__(self, where: str, ask: Callable[[], Metadata]) -> None:
        self._where, self._ask = where, ask
        self._lock = threading.Lock()
        self._known: tuple[float, Metadata] | None = None

    def keep(self, metadata: Metadata | None) -> None:
        """Take a new description, or ``None`` to forget the one there is."""
        with self._lock:
            self._known = None if metadata is None else (time.monotonic(), metadata)

    def metadata(self, age: float = float("inf")) -> Metadata:
        """The description, anew if the known one is older than that."""
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known[0] < age:
            return known[1]
        return self._ask()

    def signature(self, name: str) -> Signature:
        """The signature of a name.

        Raises:
            SignatureNotFoundError: If there is none.
        """
        return find_signature(self.metadata().signatures, name, self._where)

    def checked(
        self, inputs: np.ndarray | Mapping[str, np.ndarray], name: str
    ) -> tuple[Signature, dict[str, np.ndarray]]:
        """A signature, and the inputs in its types.

        Raises:
            InvalidInputError, SignatureNotFoundError: Only by a description of this moment.
        """
        for age in (float("inf"), TRUSTED_AGE):
            metadata = self.metadata(age)
            try:
                signature = find_signature(metadata.signatures, name, self._where)
                where = f"{self._where}, signature {name!r}"
                return signature, checked_inputs(signature, inputs, where)
            except (InvalidInputError, SignatureNotFoundError) as error:
                problem = error
        raise problem
