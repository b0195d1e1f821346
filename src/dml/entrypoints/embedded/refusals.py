"""Why a server was not started, told in words that a person can act on."""


class Refused(RuntimeError):
    """Not done. The message says why, with the remedy."""


class NotReadyYet(Refused):
    """The server runs but does not answer yet, as in recovery. Calling again goes on waiting."""
