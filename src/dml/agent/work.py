"""One assignment, from the lease to counts: get the model, run it over the photos, count."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dml.agent import photos
from dml.agent.ahead import in_order
from dml.agent.consent import Consent
from dml.agent.console import Console
from dml.agent.heartbeat import Heartbeat
from dml.agent.leases import Lease
from dml.agent.models import Models
from dml.agent.pace import Pace, patiently
from dml.agent.photos import Batch, Gone, Reading, Tally, Workers
from dml.agent.pictures import Pictures
from dml.agent.refusals import LOST, GaveUp, LeaseLost, Refusal
from dml.agent.runner import Runner
from dml.inference import spec as specs
from dml.inference.counting import Item, certain, count, within
from dml.inference.counts import Counts
from dml.inference.spec import InputSpec


@dataclass(frozen=True, slots=True)
class Tools:
    """What all work of one agent uses. `data` is the folder of photos; `cpus` are those it may."""

    data: Path
    models: Models
    runner: Runner
    pace: Pace
    console: Console
    pictures: Pictures
    cpus: int
    consent: Consent


class Work:
    """One lease's work. `note` writes to the journal; no photo may be from after `today`."""

    def __init__(
        self,
        lease: Lease,
        heartbeat: Heartbeat,
        tools: Tools,
        *,
        note: Callable[..., None],
        today: dt.date,
    ) -> None:
        self._lease, self._heartbeat = lease, heartbeat
        self._data, self._models, self._runner = tools.data, tools.models, tools.runner
        self._pace, self._console = tools.pace, tools.console
        self._note, self._today = note, today
        self._pictures, self._cpus = tools.pictures, tools.cpus
        self._tally = Tally()

    def do(self) -> Counts:
        """The counts of all photos. Raises GaveUp, LeaseLost, Stopped, Away or CannotRun."""
        spec = self._spec()
        model = self._model()
        began = time.monotonic()
        self._pace.begin()
        try:
            with self._console.counting(lambda: _how_many(self._data)):
                items = self._items(spec, model)
                if self._lease.max_norm is not None:
                    items = within(items, self._lease.max_norm)
                counts = count(items, self._lease.labels, self._lease.period)
        except Gone as gone:
            raise GaveUp(f"{gone}: half of them would be no answer", for_good=False) from None
        tally = self._tally
        tally.not_chosen += tally.prepared - counts["items"]
        self._note(
            "counted",
            assignment_id=self._lease.assignment_id,
            photos=tally.photos,
            skipped=tally.skipped,
            twice=tally.twice,
            outside=tally.outside,
            undated=tally.undated,
            not_chosen=tally.not_chosen,
            kept=tally.kept,
            not_read=dict(sorted(tally.not_read.items())),
            reasons=dict(tally.reasons.most_common()),
            named=tally.named,
            seconds=round(time.monotonic() - began, 3),
        )
        if tally.photos == tally.skipped:
            raise GaveUp(f"no photo in {self._data} can be read", for_good=False)
        return counts

    def _spec(self) -> InputSpec:
        try:
            return specs.read(self._lease.input)
        except ValueError as error:
            raise GaveUp(
                f"this agent can't prepare what the model takes ({error}); update it",
                for_good=True,
            ) from None

    def _model(self) -> bytes:
        def insist(act: Callable[[], str]) -> str:
            return patiently(
                act,
                self._pace,
                until=lambda: self._heartbeat.ends_at,
                tell=self._console.away,
            )

        try:
            data, is_new = self._models.get(self._lease.model, patiently=insist)
        except Refusal as refusal:
            if refusal.code in LOST:
                raise LeaseLost(str(refusal)) from None
            raise GaveUp(f"the model is not given out: {refusal}", for_good=True) from None
        except OSError as error:
            raise GaveUp(f"the model can't be kept: {error.strerror}", for_good=False) from None
        if is_new:
            self._note("downloaded", sha256=self._lease.model.sha256, size=len(data))
        return data

    def _items(self, spec: InputSpec, model: bytes) -> Iterator[Item]:
        reading = Reading(
            spec, self._lease.period, self._today, self._pictures, self._lease.max_items
        )
        batches = photos.batches(
            self._data,
            reading,
            self._tally,
            breathe=self._breathe,
            workers=Workers(self._cpus, self._pace.aside),
        )
        label = partial(self._label, spec=spec, model=model)
        for _, labelled in in_order(batches, label, self._cpus):
            yield from labelled()
            self._breathe()

    def _label(self, batch: Batch, spec: InputSpec, model: bytes) -> Iterator[Item]:
        with self._pace.elsewhere():
            named = len(self._lease.labels)
            labels, shares = self._runner.predict(model, spec, batch.items, named)
        chosen = certain(labels, shares, self._lease.min_confidence)
        return map(Item, chosen, batch.taken)

    def _breathe(self) -> None:
        self._heartbeat.require_lease()
        self._console.counted(self._tally.photos)
        self._pace.breathe()


def _how_many(folder: Path) -> int:
    """For a bar that shows how the work goes on, in a thread of its own."""
    try:
        return sum(1 for _ in photos.find(folder))
    except Gone:
        return 0
