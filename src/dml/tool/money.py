"""`dml balance`, `transfers`, `deposit`, `withdraw` and `dml wallet`: your tokens."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.tool import common
from dml.tool.common import AsJson, Server, Yes, show_item, show_json, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

wallet = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Wallets that you can withdraw to.",
)
withdrawal = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="What you withdrew."
)
Amount = Annotated[str, typer.Argument(help="How many tokens, such as 25 or 0.5.")]
BALANCE = (
    ("can be spent", "available"),
    ("in jobs, bounties, withdrawals", "reserved"),
    ("in deposits not yet final", "pending"),
    ("in all", "total"),
)
WITHDRAWAL = (
    ("withdrawal", "id"),
    ("state", "state"),
    ("amount", "amount"),
    ("fee", "fee"),
    ("to", "address"),
    ("waits for an admin", "needs_review"),
    ("transaction", "tx_hash"),
    ("because", "end_reason"),
)


@common.for_organisation
def balance(server: Server = None, as_json: AsJson = False) -> None:
    """Show how many tokens you have."""
    with signed_in(server) as market:
        show_item(market.ask("GET", "/v1/payments/balance"), BALANCE, as_json=as_json)


@common.for_organisation
def transfers(
    server: Server = None,
    rows: Annotated[int, typer.Option(min=1, help="How many of them.")] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="All of them, as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what came into your balance and left it, newest first."""
    from itertools import islice

    columns = [("when", "created_at"), ("why", "code"), ("amount", "amount")]
    columns += [("from", "source"), ("to", "target"), ("for", "reference")]
    with signed_in(server) as market:
        if as_csv:
            text = market.bytes_of("/v1/payments/statement.csv", limit=1 << 30)
            typer.echo(text.decode(), nl=False)
            return
        newest = islice(market.all_of("/v1/payments/transfers"), rows)
        show_list(newest, columns, as_json=as_json)


def deposit(amount: Amount, server: Server = None, as_json: AsJson = False) -> None:
    """Show what a wallet has to send for these tokens to become yours.

    On a chain of `make run`'s own, `dml chain faucet` makes a deposit at once.
    """
    with signed_in(server) as market:
        told = market.ask("POST", "/v1/payments/deposits/instructions", json={"amount": amount})
    if as_json:
        show_json(told)
        return
    common.console().print(
        f"Two transactions on chain {told['chain_id']}, from any wallet:\n\n"
        f"1. let the vault take {told['amount']} {common.cell(told['token']['symbol'])}\n"
        f"   to   {told['approve']['to']}\n   data {told['approve']['data']}\n"
        f"   link {told['approve_link']}\n"
        f"2. have it take them for you\n"
        f"   to   {told['deposit']['to']}\n   data {told['deposit']['data']}\n"
        f"   link {told['deposit_link']}\n",
        soft_wrap=True,
    )


def withdraw(
    amount: Amount,
    server: Server = None,
    to: Annotated[
        str | None,
        typer.Option(help="The wallet: its name or address. [default: your primary one]"),
    ] = None,
    memo: Annotated[str | None, typer.Option(help="A note for yourself.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw tokens to a linked wallet. Shows the fee, and asks for your password, a code, or
    a signature of the wallet by which you sign in.
    """
    from dml.tool.passwords import ask_proof

    with signed_in(server) as market:
        wallet_id, address = _wallet(market, to)
        terms = market.ask("GET", "/v1/payments/withdrawals/terms")
        if terms["paused_reason"]:
            common.console(to_stderr=True).print(common.cell(terms["paused_reason"]))
        common.confirm(
            f"Withdraw {amount} tokens to {address}, for a fee of {terms['fee']}?", yes=yes
        )
        proof = ask_proof(market)
        body = {"amount": amount, "wallet_id": wallet_id, "proof": proof}
        body |= {"max_fee": terms["fee"]} | ({} if memo is None else {"memo": memo})
        made = market.ask("POST", "/v1/payments/withdrawals", json=body)
    show_item(made, WITHDRAWAL, as_json=as_json)


@withdrawal.command("list")
def list_withdrawals(server: Server = None, as_json: AsJson = False) -> None:
    """List your withdrawals, newest first."""
    columns = [("when", "requested_at"), ("state", "state"), ("amount", "amount")]
    columns += [("fee", "fee"), ("to", "address"), ("id", "id")]
    with signed_in(server) as market:
        listed = market.all_of("/v1/payments/withdrawals")
        show_list(listed, columns, as_json=as_json)


@wallet.command("list")
def list_wallets(server: Server = None, as_json: AsJson = False) -> None:
    """List your linked wallets."""
    columns = [("address", "address"), ("name", "name"), ("kind", "kind")]
    columns += [("primary", "is_primary"), ("id", "id")]
    with signed_in(server) as market:
        show_list(_linked(market), columns, as_json=as_json)


@wallet.command("link")
def link(
    address: Annotated[str, typer.Argument(help="The wallet's address, 0x….")],
    server: Server = None,
    name: Annotated[str | None, typer.Option(help="What you call it.")] = None,
    signature: Annotated[
        str | None, typer.Option(help="The signature. [default: you are asked for it]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Link a wallet: shows a message, which the wallet signs (`personal_sign`).

    Asks first for what proves who you are: see `dml withdraw`.
    """
    from dml.tool.passwords import ask_proof

    with signed_in(server) as market:
        proof = ask_proof(market)
        told = market.ask("POST", "/v1/wallets/challenges", json={"address": address})
        typer.echo(f"{told['message']}\n", err=True)
        signed = signature or str(typer.prompt("Signature of this message", err=True)).strip()
        body = {"message": told["message"], "signature": signed, "proof": proof}
        called = {} if name is None else {"name": name}
        made = market.ask("POST", "/v1/wallets", json=body | called)
    fields = (("address", "address"), ("name", "name"), ("kind", "kind"), ("id", "id"))
    show_item(made, fields, as_json=as_json)


@wallet.command("primary")
def choose_primary(
    named: Annotated[
        str,
        typer.Argument(metavar="WALLET", help="Its name, or its address or id, or the end of one."),
    ],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a linked wallet the one that `dml withdraw` pays to where you name none.

    Asks for what proves who you are.
    """
    from dml.tool.passwords import ask_proof

    with signed_in(server) as market:
        wallet_id, _ = _wallet(market, named)
        body = {"proof": ask_proof(market)}
        path = common.path_of("wallets", wallet_id) + "/make-primary"
        made = market.ask("POST", path, json=body)
    fields = (("address", "address"), ("name", "name"), ("primary", "is_primary"), ("id", "id"))
    show_item(made, fields, as_json=as_json)


@wallet.command("unlink")
def unlink(
    named: Annotated[
        str,
        typer.Argument(metavar="WALLET", help="Its name, or its address or id, or the end of one."),
    ],
    server: Server = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Unlink a wallet: nothing can be withdrawn to it any more.

    Asks for what proves who you are.
    """
    from dml.tool.passwords import ask_proof

    with signed_in(server) as market:
        wallet_id, address = _wallet(market, named)
        common.confirm(f"Unlink {address}?", yes=yes)
        body = {"proof": ask_proof(market)}
        market.ask("POST", common.path_of("wallets", wallet_id) + "/unlink", json=body)
    if as_json:
        show_json({"id": wallet_id, "address": address})


def _linked(market: "Marketplace") -> list[dict[str, Any]]:
    """The linked wallets: they always fit on one page."""
    found: list[dict[str, Any]] = market.ask("GET", "/v1/wallets")["items"]
    return found


def _is(linked: dict[str, Any], text: str) -> bool:
    """Whether this is the wallet's address, id or name, or how the first two begin or end."""
    keys = (str(linked["address"]).lower(), str(linked["id"]))
    is_key = bool(text) and any(it.startswith(text) or it.endswith(text) for it in keys)
    return is_key or (bool(linked["name"]) and common.slug(linked["name"]) == common.slug(text))


def _wallet(market: "Marketplace", named: str | None) -> tuple[str, str]:
    """The id and the address of a linked wallet: the primary one, or the one that is named."""
    from dml.refused import Refused

    linked = _linked(market)
    if not linked:
        raise Refused("you have linked no wallet: `dml wallet link 0x…`")
    if named is None:
        found = [it for it in linked if it["is_primary"]]
    else:
        found = [it for it in linked if _is(it, named.strip().lower())]
    if len(found) != 1:
        names = ", ".join(f"{it['address']} ({it['name'] or 'without a name'})" for it in linked)
        raise Refused(f"which wallet? One of: {names}")
    return str(found[0]["id"]), str(found[0]["address"])
