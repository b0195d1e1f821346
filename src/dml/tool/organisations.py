"""`dml org`: organisations, which several users act for."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.tool.common import AsJson, Server, Yes, confirm, find_id, show_item, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

org = typer.Typer(
    no_args_is_help=True,
    help="Organisations: a name that several users act for, which holds balance, jobs, models and "
    "bounties.",
)
PATH: Final = "/v1/organisations"
COLUMNS: Final = (("organisation", "id"), ("name", "name"), ("you are", "role"), ("since", "since"))
FIELDS: Final = (
    *(("organisation", "id"), ("name", "name"), ("you are", "role"), ("since", "since")),
    *(("founded", "created_at"), ("suspended", "suspended_at")),
)
MEMBERS: Final = (("user", "user_id"), ("name", "user_name"), ("is", "role"), ("since", "since"))
INVITED: Final = (
    *(("invitation", "id"), ("to", "email"), ("as", "role"), ("by", "inviter_name")),
    ("expires", "expires_at"),
)
MOVED: Final = (("amount", "amount"), ("reference", "reference"), ("at", "at"))
Amount = Annotated[str, typer.Argument(help="How many tokens, such as 25 or 0.5.")]
Organisation = Annotated[str, typer.Argument(help="Its id, the end of it, or its name.")]
Owner = Annotated[bool, typer.Option("--owner", help="As an owner, who decides about money, too.")]


@org.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What everybody sees as its name.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Found an organisation, whose first owner you are."""
    with signed_in(server) as market:
        made = market.ask("POST", PATH, json={"name": name})
    show_item(made, FIELDS, as_json=as_json)


@org.command("list")
def list_organisations(server: Server = None, as_json: AsJson = False) -> None:
    """List the organisations that you act for."""
    with signed_in(server) as market:
        show_list(market.ask("GET", PATH)["items"], COLUMNS, as_json=as_json)


@org.command("show")
def show(organisation: Organisation, server: Server = None, as_json: AsJson = False) -> None:
    """Show an organisation that you act for."""
    with signed_in(server) as market:
        found = market.ask("GET", path_of(market, organisation))
    show_item(found, FIELDS, as_json=as_json)


@org.command("rename")
def rename(
    organisation: Organisation,
    name: Annotated[str, typer.Argument(help="Its new name.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Give an organisation another name. For owners."""
    with signed_in(server) as market:
        found = market.ask("PATCH", path_of(market, organisation), json={"name": name})
    show_item(found, FIELDS, as_json=as_json)


@org.command("members")
def list_members(
    organisation: Organisation, server: Server = None, as_json: AsJson = False
) -> None:
    """List who acts for an organisation."""
    with signed_in(server) as market:
        path = f"{path_of(market, organisation)}/members"
        show_list(market.ask("GET", path)["items"], MEMBERS, as_json=as_json)


@org.command("invite")
def invite(
    organisation: Organisation,
    email: Annotated[str, typer.Argument(help="Where to mail the code by which they join.")],
    owner: Owner = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Invite somebody by mail. For owners; to invite an owner, you prove who you are."""
    body: dict[str, Any] = {"email": email, "role": "owner" if owner else "member"}
    with signed_in(server) as market:
        path = f"{path_of(market, organisation)}/invitations"
        made = market.ask("POST", path, json=body | _proof(market, is_needed=owner))
    show_item(made, INVITED, as_json=as_json)


@org.command("invitations")
def list_invitations(
    organisation: Organisation, server: Server = None, as_json: AsJson = False
) -> None:
    """List the invitations that can still be accepted. For owners."""
    with signed_in(server) as market:
        path = f"{path_of(market, organisation)}/invitations"
        show_list(market.ask("GET", path)["items"], INVITED, as_json=as_json)


@org.command("revoke")
def revoke(
    organisation: Organisation,
    invitation: Annotated[str, typer.Argument(help="Its id, the end of it, or the address.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Revoke an invitation, and list what is left. For owners."""
    with signed_in(server) as market:
        path = f"{path_of(market, organisation)}/invitations"
        found = market.ask("GET", path)["items"]
        invitation_id = find_id(found, invitation, title="email", what="invitation")
        market.ask("DELETE", f"{path}/{invitation_id}")
        left = market.ask("GET", path)["items"]
    show_list(left, INVITED, as_json=as_json)


@org.command("accept")
def accept(
    code: Annotated[str, typer.Argument(help="The code in the mail.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Accept an invitation, as the user whose address it was mailed to."""
    with signed_in(server) as market:
        joined = market.ask("POST", "/v1/users/me/organisations", json={"code": code})
    show_item(joined, FIELDS, as_json=as_json)


@org.command("set-role")
def set_role(
    organisation: Organisation,
    member: Annotated[str, typer.Argument(help="Their id, the end of it, or their name.")],
    owner: Annotated[bool, typer.Option("--owner/--member", help="What they are from now on.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Give a member another role. For owners; to make one an owner, you prove who you are."""
    with signed_in(server) as market:
        path = f"{path_of(market, organisation)}/members"
        body: dict[str, Any] = {"role": "owner" if owner else "member"}
        body |= _proof(market, is_needed=owner)
        market.ask("PATCH", f"{path}/{_find_member(market, path, member)}", json=body)
        found = market.ask("GET", path)["items"]
    show_list(found, MEMBERS, as_json=as_json)


@org.command("remove")
def remove(
    organisation: Organisation,
    member: Annotated[str, typer.Argument(help="Their id, the end of it, or their name.")],
    yes: Yes = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Remove a member, and list who is left. For owners."""
    with signed_in(server) as market:
        path = f"{path_of(market, organisation)}/members"
        user_id = _find_member(market, path, member)
        confirm(f"Remove {member} from {organisation}?", yes=yes)
        market.ask("DELETE", f"{path}/{user_id}")
        left = market.ask("GET", path)["items"]
    show_list(left, MEMBERS, as_json=as_json)


@org.command("put-in")
def put_in(
    organisation: Organisation, amount: Amount, server: Server = None, as_json: AsJson = False
) -> None:
    """Put tokens of yours into an organisation. You prove who you are: see `dml withdraw`."""
    _move(organisation, "contributions", amount, server, as_json=as_json)


@org.command("take-out")
def take_out(
    organisation: Organisation, amount: Amount, server: Server = None, as_json: AsJson = False
) -> None:
    """Take tokens out of an organisation into your balance. For owners, who prove who they are."""
    _move(organisation, "distributions", amount, server, as_json=as_json)


@org.command("close")
def close(
    organisation: Organisation, yes: Yes = False, server: Server = None, as_json: AsJson = False
) -> None:
    """Close an organisation that holds no tokens and runs nothing, for good. For owners."""
    with signed_in(server) as market:
        path = path_of(market, organisation)
        confirm(f"Close {organisation} for good?", yes=yes)
        market.ask("POST", f"{path}/close", json=_proof(market, is_needed=True))
        left = market.ask("GET", PATH)["items"]
    show_list(left, COLUMNS, as_json=as_json)


@org.command("leave")
def leave(
    organisation: Organisation, yes: Yes = False, server: Server = None, as_json: AsJson = False
) -> None:
    """Leave an organisation, and list what you still act for. Its last owner cannot."""
    with signed_in(server) as market:
        path = path_of(market, organisation)
        confirm(f"Leave {organisation}?", yes=yes)
        market.ask("DELETE", f"{path}/members/{market.ask('GET', '/v1/users/me')['id']}")
        left = market.ask("GET", PATH)["items"]
    show_list(left, COLUMNS, as_json=as_json)


def path_of(market: "Marketplace", organisation: str) -> str:
    """Where an organisation is in the API, by what was typed."""
    return f"{PATH}/{find(market, organisation)}"


def find(market: "Marketplace", organisation: str) -> str:
    """The id of an organisation that one acts for, by what was typed."""
    mine = market.ask("GET", PATH)["items"]
    return find_id(mine, organisation, title="name", what="organisation of yours")


def _find_member(market: "Marketplace", path: str, member: str) -> str:
    members = [{"id": it["user_id"], **it} for it in market.ask("GET", path)["items"]]
    return find_id(members, member, title="user_name", what="member")


def _move(organisation: str, what: str, amount: str, server: str | None, *, as_json: bool) -> None:
    with signed_in(server) as market:
        path = f"{path_of(market, organisation)}/{what}"
        body = {"amount": amount, **_proof(market, is_needed=True)}
        made = market.ask("POST", path, json=body)
    show_item(made, MOVED, as_json=as_json)


def _proof(market: "Marketplace", *, is_needed: bool) -> dict[str, Any]:
    from dml.tool.passwords import ask_proof

    return {"proof": ask_proof(market)} if is_needed else {}
