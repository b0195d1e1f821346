"""Why a command was not done, in words that a person can act on."""


class Refused(RuntimeError):
    """Not done. The message says why, with the remedy: a command prints it, and nothing else."""
