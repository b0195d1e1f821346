"""Random calls, against a model and against vaults with a fault."""

from collections import Counter

import pytest

from tests.chain.builds import mutants
from tests.chain.fuzz import first_difference, fuzz
from tests.chain.test_vault import check_too_little_gas

SEEDS, STEPS = 50, 100
OUTCOMES = {
    "PaidOut",
    "PayoutSkipped",
    "PayoutRefused",
    "Deposited",
    "PayoutKeyChanged",
    "OwnershipTransferred",
    "DailyLimitChanged",
    "Rescued",
    "deposit: AnotherAmountArrived",
    "deposit: NoWholeMicroTokens",
    "pay out: EnforcedPause",
    "pay out: NotThePayoutKey",
    "pay out: TokenTookMore",
    "renounceOwnership(): NeedsAnOwner",
    "too little gas",
}
OF_A_STORY = {"too little gas looks like a refusal": check_too_little_gas}


def test_the_vault_does_what_the_model_does() -> None:
    done: Counter[str] = Counter()
    for seed in range(SEEDS):
        done += fuzz(seed, STEPS)
    seldom = {outcome for outcome in OUTCOMES if done[outcome] < 10}
    assert not seldom, "these steps are hardly tried"


@pytest.mark.parametrize("name", mutants())
def test_a_faulty_vault_is_noticed(name: str) -> None:
    if check := OF_A_STORY.get(name):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check(mutants()[name])
    else:
        assert first_difference(mutants()[name], range(SEEDS), STEPS), "not noticed"
