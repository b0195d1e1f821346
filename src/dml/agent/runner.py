"""The sandbox, there only while there is work: it takes a hundred megabytes."""

import threading

from dml.agent.refusals import CannotRun, GaveUp, Stopped
from dml.inference.images import Items
from dml.inference.runner import (
    Labels,
    Probabilities,
    Refused,
    Sandbox,
    SandboxFailed,
    Unsafe,
)
from dml.inference.spec import InputSpec


class Runner:
    """Runs models in a sandbox, started at need, `at_once` of them. Thread-safe."""

    def __init__(self, stop: threading.Event, *, at_once: int = 1) -> None:
        self._stop, self._at_once = stop, at_once
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None

    def predict(
        self, model: bytes, spec: InputSpec, items: Items, label_count: int
    ) -> tuple[Labels, Probabilities]:
        """Each item's best label and its probability. Raises GaveUp, Stopped or CannotRun."""
        with self._lock:
            sandbox = self._sandbox = self._sandbox or self._started()
        try:
            return sandbox.predict(model, spec, items, label_count)
        except Refused as refused:
            raise GaveUp(f"the model failed here: {refused}", for_good=True) from None
        except Unsafe as unsafe:
            raise CannotRun(f"{unsafe} No model is run on this machine.") from None
        except SandboxFailed as failed:
            if self._stop.is_set():
                raise Stopped("the agent was told to end") from None
            raise GaveUp(str(failed), for_good=False) from None

    def rest(self) -> None:
        """End the sandbox, and with it a model that runs."""
        with self._lock:
            sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            sandbox.close()

    def _started(self) -> Sandbox:
        return Sandbox(checks=False, at_once=self._at_once)
