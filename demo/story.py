"""All that came out of one run."""

from dataclasses import dataclass

from demo.chain_outcome import OnChain
from demo.contest_outcome import Contest
from demo.outcome import Outcome


@dataclass(frozen=True)
class Story:
    """What came out of the job, of the bounty, and on the chain."""

    outcome: Outcome
    contest: Contest
    on_chain: OnChain
