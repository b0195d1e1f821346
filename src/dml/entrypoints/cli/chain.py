"""`dml chain …`: the process that reads the chain and pays, its state, and tokens to try it with.

Each command imports what it needs when it is called, like those of `cli`.
"""

from typing import Annotated

import typer

chain = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Tokens that come from a chain and go to it.",
)


@chain.command("run")
def run_process() -> None:
    """Read the chain, pay withdrawals, and compare vault and books. `dml up` does this by itself.

    One process in the whole system works; any number of others stand by, and one takes over
    within a second when it ends. It alone needs a key that pays out: `DML_PAYOUT_KEY`, or
    `DML_PAYOUT_KEYSTORE` with `DML_PAYOUT_KEYSTORE_PASSWORD`, or `DML_PAYOUT_KMS_KEY`. Without
    one, deposits are credited and nothing is paid out.

    The exit code is 70 if it lost its lock: start it again.
    """
    from dml.entrypoints.chain_process import run
    from dml.entrypoints.settings_read import read

    raise typer.Exit(run(read()))


@chain.command("faucet")
def faucet(
    to: Annotated[
        str, typer.Argument(help="An account's email address, or an address on the chain.")
    ],
    amount: Annotated[str, typer.Option(help="How many tokens.")] = "1000",
) -> None:
    """Give away development tokens of the local chain: they are worth nothing.

    To an **account** they are deposited in the vault, as anybody would do it; the command waits
    until they are credited. To an **address** they are sent with some coins for gas, so that its
    owner can make a deposit.

        dml chain faucet ada@example.org --amount 250
        dml chain faucet 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed
    """
    from dml.entrypoints.local_chain.faucet import run
    from dml.entrypoints.settings_read import read

    raise typer.Exit(run(read(), to, amount))


_YES = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
_REASON = Annotated[str, typer.Option(help="Why: kept in the audit log.")]


@chain.command("book-payout")
def book_payout(
    number: Annotated[int, typer.Argument(help="The number, as `dml doctor` names it.")],
    reason: _REASON,
    user: Annotated[
        str | None, typer.Option(help="The email address of whose tokens went.")
    ] = None,
    from_revenue: Annotated[
        bool, typer.Option("--from-revenue", help="Let the platform bear it.")
    ] = False,
    yes: _YES = False,
) -> None:
    """Book a payout that the vault has made and the books do not have, as after a restored backup.

    It is taken from the account of the user who linked the paid address. A withdrawal that has
    its number by mistake gets a new one, and is paid under that. Repeating it changes nothing.
    """
    from dml.entrypoints.cli.chain_repairs import book_payout
    from dml.entrypoints.settings_read import read

    raise typer.Exit(
        book_payout(read(), number, user=user, from_revenue=from_revenue, reason=reason, yes=yes)
    )


@chain.command("give-up-nonce")
def give_up_nonce(
    sender: Annotated[str, typer.Argument(help="The address of the key that was retired.")],
    nonce: Annotated[int, typer.Argument(help="The nonce that is never mined.")],
    reason: _REASON,
    yes: _YES = False,
) -> None:
    """Give up transactions of a retired key that are never mined, and put their withdrawals off.

    Only once the vault no longer accepts that key, at a final block and at every node. The
    withdrawals keep their numbers, so that nothing is paid twice; never allow the old key again.
    """
    from dml.entrypoints.cli.chain_repairs import give_up_nonce
    from dml.entrypoints.settings_read import read

    raise typer.Exit(give_up_nonce(read(), sender, nonce, reason=reason, yes=yes))


@chain.command("accept-history")
def accept_history(reason: _REASON, yes: _YES = False) -> None:
    """Accept another history, after a chain changed final blocks and does not change back.

    Reads all logs of the vault again. Deposits that are gone are taken back from the users they
    were credited to, as far as their balances go; the platform bears the rest. Payouts that are
    gone are sent again first. Look at a block explorer before: replace nodes that lie.
    """
    from dml.entrypoints.cli.chain_repairs import accept_history
    from dml.entrypoints.settings_read import read

    raise typer.Exit(accept_history(read(), reason=reason, yes=yes))


@chain.command("status")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Show where the chain is, how far it was read, its contracts, and who pays.

    The exit code is 0 if all is well, 1 if something has stopped (it says what and why), 3 if the
    database cannot be asked.
    """
    from dml.entrypoints.cli.chain_status import run
    from dml.entrypoints.settings_read import read

    raise typer.Exit(run(read(), as_json=as_json))
