"""How tests ask the graph."""

from typing import Any

import httpx2

from tests.world import Person, World


async def ask(who: Person | World, query: str, **variables: Any) -> Any:
    """Ask, and return the whole answer, which may have errors."""
    question = {"query": query, "variables": variables}
    if isinstance(who, Person):
        return (await sent(who, question)).json()
    answer = await who.client.post("/graphql", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sent(who: Person, question: Any, **request: Any) -> httpx2.Response:
    answer = await who.post("/graphql", question, **request)
    assert answer.status_code == 200, answer.text
    return answer


async def data(who: Person | World, query: str, **variables: Any) -> Any:
    """Ask, and return what came, without any error."""
    answer = await ask(who, query, **variables)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


async def refusal(who: Person | World, query: str, **variables: Any) -> Any:
    """Ask what is refused, and return what the one error says of it."""
    (error,) = (await ask(who, query, **variables))["errors"]
    return {**error["extensions"], "message": error["message"], "path": error.get("path")}
