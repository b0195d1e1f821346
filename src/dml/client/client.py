"""The typed client: a method for each operation of the API, which returns when it has answered."""

import os
import time
from contextlib import suppress
from types import TracebackType

from dml.client.marketplace import Marketplace, NotSignedIn
from dml.client.operations import Operations
from dml.client.sign_ins import Remembered, SignIns


class Client(Operations):
    """A marketplace, as somebody or as nobody. Thread-safe. Use it in a `with`.

    Without a `server` it is DML_SERVER, or the one that is signed in to, or runs in this checkout.
    You are who `token` (an access token) is for, or `email` with `password`, or else whom the
    environment names (DML_TOKEN, or DML_EMAIL with DML_PASSWORD), or who did `dml login`, or
    nobody. A session is renewed for as long as the client is used; a token is not. With an
    `organisation`, by its id, all is asked for it, as one of its members.

    Each method raises ApiRefused where the API says no, and Refused where there is no answer; a
    stream of events raises NotReached where it breaks off. A POST that the server was too busy for
    is repeated under its idempotency key.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        token: str | None = None,
        email: str | None = None,
        password: str | None = None,
        organisation: str | None = None,
    ) -> None:
        """Signs in, where it is told an `email` and a `password`."""
        self._market = open_marketplace(
            server, token=token, email=email, password=password, organisation=organisation
        )
        super().__init__(self._market)

    @property
    def server(self) -> str:
        """The address of the marketplace."""
        return self._market.url

    def close(self) -> None:
        self._market.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_marketplace(
    server: str | None,
    *,
    token: str | None,
    email: str | None,
    password: str | None,
    organisation: str | None,
) -> Marketplace:
    """The marketplace that is meant, as whoever is meant. It waits without saying so."""
    if (email is None) != (password is None):
        raise TypeError("email and password come together")
    sign_ins = SignIns() if email is None else Remembered()
    market = Marketplace(
        server or os.environ.get("DML_SERVER") or None, sign_ins=sign_ins, pause=time.sleep
    )
    try:
        if token is not None:
            market.use(token, "token")
        elif email is not None and password is not None:
            sign_ins.keep(market.open_session(email, password))
            market.sign_in({})
        else:
            with suppress(NotSignedIn):
                market.sign_in()
        if organisation is not None:
            market.act_for(organisation)
    except BaseException:
        market.close()
        raise
    return market
