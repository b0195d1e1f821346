"""The page of all types of events, made of the API's description."""

from typing import Any, Final

HEAD: Final = """\
# What happens, by type

Generated from the API's description (`make openapi`): each type of event, when it happens, who
sees it, and what its `data` carries. [The API's guide](../guides/api.md) shows how to follow them.
"""


def page(webhooks: dict[str, Any]) -> str:
    """Write the page: a table for each kind of thing that something happens to."""
    by_kind = dict[str, list[str]]()
    for name, told in webhooks.items():
        about, seen_by = told["post"]["description"].split("\n\n")
        body = told["post"]["requestBody"]["content"]["application/json"]["schema"]
        carried = ", ".join(f"`{it}`" for it in body["allOf"][1]["properties"]["data"]["required"])
        kind = name.partition(".")[0]
        rows = by_kind.setdefault(kind, [f"\n## {kind}\n\n{seen_by}\n\n{TABLE}"])
        rows.append(f"| `{name}` | {' '.join(about.split())} | {carried} |\n")
    return HEAD + "".join(it for rows in by_kind.values() for it in rows)


TABLE: Final = "| type | when | data |\n| --- | --- | --- |\n"
