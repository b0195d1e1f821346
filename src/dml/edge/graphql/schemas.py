"""What comes in at `/graphql`, and what goes out: in the names of GraphQL over HTTP."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from dml.core.wire import Body, Text, Wire, check_text

SHA256 = "^[0-9a-f]{64}$"


def _check_query(query: str) -> str:
    if "\0" in query:
        raise ValueError("must not contain NUL")
    return query


class PersistedQuery(Body):
    """A query by its hash."""

    version: int = Field(ge=1, le=1, description="Of this way to name queries: 1.")
    sha256Hash: Text = Field(
        pattern=SHA256, max_length=64, description="SHA-256 of the query, in hexadecimal digits."
    )


class GraphExtensions(Body):
    """What a client adds to a query."""

    model_config = ConfigDict(extra="ignore")

    persistedQuery: PersistedQuery | None = Field(
        None,
        description="The query by its hash. Once it was sent with the query, that is kept for a "
        "while, and the hash is enough.",
    )


class GraphQuestion(Body):
    """A query or a mutation, in GraphQL."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "{ me { id email } }"}]})

    query: Annotated[str, AfterValidator(_check_query)] | None = Field(
        None, description="The document; without it, `extensions` name one that is kept."
    )
    variables: dict[str, Any] | None = Field(
        None, description="The values of its variables, by their names."
    )
    operationName: Annotated[str, AfterValidator(check_text)] | None = Field(
        None, max_length=200, description="Which of its operations to run, where it has several."
    )
    extensions: GraphExtensions | None = Field(None, description="What a client adds.")


class GraphErrorOut(Wire):
    """Why a field is `null`, or why nothing was run."""

    message: str = Field(description="What is wrong.")
    locations: list[dict[str, int]] | None = Field(
        None, description="Where in the query, by `line` and `column`."
    )
    path: list[str | int] | None = Field(None, description="Which field of the answer.")
    extensions: dict[str, Any] = Field(
        description="What REST's problem document would say: `code`, `status`, `type`, what to do "
        "about it as `remedy`, and what else comes with the code."
    )


class GraphAnswerOut(Wire):
    """What came of a query. Its `errors` say why a field is `null`."""

    data: dict[str, Any] | None = Field(None, description="What was asked for, in its own form.")
    errors: list[GraphErrorOut] | None = Field(None, description="What went wrong, if anything.")
    extensions: dict[str, Any] | None = Field(
        None,
        description="`cost`: how many `points` the query cost, how many are `left` in this minute, "
        "and in how many seconds all are there again (`resetsInSeconds`).",
    )
