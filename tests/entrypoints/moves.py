"""A movement of money as SQL, for what can be wrong with a ledger that is right in itself."""

from typing import Final

# Moves an amount as a transfer does, so that the ledger itself stays right.
MOVE: Final = """
    INSERT INTO ledger_transfers (id, code, reference, source, target, amount, created_at)
    VALUES (gen_random_uuid(), '{code}', '{reference}', '{source}', '{target}', {amount}, now());
    UPDATE ledger_accounts SET balance = balance - {amount} WHERE code = '{source}';
    UPDATE ledger_accounts SET balance = balance + {amount} WHERE code = '{target}'
"""


def moved(code: str, reference: str, source: str, target: str, amount: int = 1) -> str:
    return MOVE.format(code=code, reference=reference, source=source, target=target, amount=amount)
