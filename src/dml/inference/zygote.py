"""The process that forks the children which check and run models."""

from collections.abc import Mapping
from typing import Any

from dml.inference import guard, measuring, probing, running, serving
from dml.inference.serving import Verb, frame
from dml.inference.spec import read, to_dict
from dml.inference.tiny import COLUMNS, TINY_MODEL


def main() -> None:
    """Check and run models until standard input ends."""
    verbs = {
        "check": Verb(_check),
        "measure": Verb(measuring.measure),
        "probe": Verb(probing.probe),
        "show": Verb(probing.show),
        "predict": running.PREDICT,
    }
    serving.serve(verbs, warm_up)


def warm_up() -> None:
    """Check and run a model of our own, for all that is only imported or filled at first use."""
    check(TINY_MODEL, to_dict(running.WARM_UP_SPEC), COLUMNS)
    probing.show({"spec": to_dict(running.WARM_UP_SPEC)}, [])
    running.warm_up()


def check(model: bytes, spec: Mapping[str, Any], label_count: int) -> bytes:
    """In the child: a frame with the signature and a digest of its output, or Refused."""
    signature, digest = guard.inspect(model, read(spec), label_count)
    return frame({"signature": signature.to_dict(), "digest": digest})


def _check(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    return check(parts[0], header["spec"], header["label_count"])
