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

    The exit code is 70 where it lost its turn: start it again.
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

    To an **account**, they are paid into the vault in its name, as anybody would pay; the command
    waits until they are credited. To an **address**, they are sent with some coins for gas, so
    that whoever holds its key can pay in.

        dml chain faucet ada@example.org --amount 250
        dml chain faucet 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed
    """
    from dml.entrypoints.faucet import run
    from dml.entrypoints.settings_read import read

    raise typer.Exit(run(read(), to, amount))


@chain.command("status")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Show where the chain is, how far it was read, its contracts, and who pays.

    The exit code is 0 where all goes on, 1 where something stands still (it says what and why),
    2 where the database cannot be asked.
    """
    from dml.entrypoints.chain_status import run
    from dml.entrypoints.settings_read import read

    raise typer.Exit(run(read(), as_json=as_json))
