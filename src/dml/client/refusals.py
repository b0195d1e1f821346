"""What the API refuses, as whoever asked reads it."""

from collections.abc import Mapping
from typing import Any

from dml.client.http import Answer, one_line
from dml.refused import Refused


class ApiRefused(Refused):
    """The API said no: `code` names the problem, `remedy` says what to do about it.

    `status` is HTTP's, and `facts` are the other members of the problem document, such as what is
    `missing` from a balance.
    """

    def __init__(
        self,
        message: str,
        code: str,
        status: int,
        *,
        remedy: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.status, self.remedy, self.facts = code, status, remedy, dict(facts or {})


def require_success(answer: Answer) -> None:
    """Say what a problem document says: what is wrong, what to do, and each wrong field."""
    if 200 <= answer.status < 300:
        return
    if 300 <= answer.status < 400:
        target = one_line(answer.headers.get("location", "elsewhere"))
        detail = f"{answer.url} redirects to {target}. If that is right, use it as --server."
        raise ApiRefused(detail, "http.redirect", answer.status)
    problem = answer.problem()
    if "title" not in problem:
        said = f"{answer.url} answers {answer.status} {answer.reason}"
        raise ApiRefused(said, "http.unknown", answer.status)
    lines = [f"{problem['title']} {problem.get('detail', '')}".strip()]
    known = {"type", "title", "detail", "code", "errors", "status"}
    facts = {name: value for name, value in problem.items() if name not in known}
    lines += [f"{name}: {_as_text(value)}" for name, value in facts.items()]
    errors = problem.get("errors")
    for it in errors if isinstance(errors, list) else []:
        if isinstance(it, dict) and it.get("detail") != problem.get("detail"):
            lines.append(f"{it.get('pointer')}: {it.get('detail')}")
    code = str(problem.get("code", f"http.{answer.status}"))
    remedy = str(problem.get("detail", ""))
    facts |= {"errors": errors} if errors else {}
    message = "\n     ".join(map(one_line, lines))
    raise ApiRefused(message, code, answer.status, remedy=remedy, facts=facts)


def _as_text(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
