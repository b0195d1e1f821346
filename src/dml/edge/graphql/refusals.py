"""What the graph refuses before it runs anything. What operations refuse is theirs."""

from dml.core.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, TooMany, Unavailable


class QueryWrong(Invalid):
    code = "edge.query_wrong"
    pointer = "/query"
    reason = "The query is not valid GraphQL, or asks for what the schema does not have."
    remedy = "Correct what `message` names. The schema is at `/graphql` in a browser."


class QueryMissing(Invalid):
    code = "edge.query_missing"
    pointer = "/query"
    reason = "There is no query."
    remedy = "Send `query`, or the hash of one that you sent before."


class QueryTooLarge(TooLarge):
    code = "edge.query_too_large"
    reason = "The query is longer or deeper than allowed, or repeats itself too often."
    remedy = "Ask for less at once, or in several queries: `limit` says of what, `most` how much."
    limit: str
    most: int


class QueryTooCostly(TooLarge):
    code = "edge.query_too_costly"
    reason = "The query would cost more points than one query may."
    remedy = "Ask for shorter pages with `first`, or for fewer things of each."
    points: int
    most: int


class PointsUsedUp(TooMany):
    code = "edge.points_used_up"
    reason = "You have used up the points that you may use in a minute."
    remedy = "Wait as many seconds as `retry_after_seconds` says, or ask for less at once."
    points: int
    left: int


class QueryNotKept(NotFound):
    code = "edge.query_not_kept"
    reason = "No query of this hash is kept."
    remedy = "Send the query itself, with its hash: it is kept from then on."


class WrongHash(Invalid):
    code = "edge.wrong_hash"
    pointer = "/extensions/persistedQuery/sha256Hash"
    reason = "The hash is not the query's."
    remedy = "Send the SHA-256 of the query in UTF-8, in hexadecimal digits."


class NoSuchNode(NotFound):
    code = "edge.no_such_node"
    reason = "There is nothing with this id that you may see."
    remedy = "Check the id, and whether you are signed in as whom you mean."


class SubscriptionNeedsStream(Invalid):
    code = "edge.subscription_needs_stream"
    pointer = "/query"
    reason = "A subscription has more than one answer, which this way of asking has no room for."
    remedy = (
        "Send it with `Accept: text/event-stream`, or by a WebSocket to the same path that speaks "
        "`graphql-transport-ws`."
    )


class MutationNeedsPost(Invalid):
    code = "edge.mutation_needs_post"
    pointer = "/query"
    reason = "A GET changes nothing."
    remedy = "Send the mutation by `POST`, as JSON."


class TooManySubscriptions(TooMany):
    code = "edge.too_many_subscriptions"
    reason = "You have as many subscriptions at once as one user may."
    remedy = "Complete one that you read no more."
    most: int


class SubscriptionTooSlow(Conflict):
    code = "edge.subscription_too_slow"
    reason = "You did not take what was sent in time."
    remedy = "Subscribe again. To miss no event, send the `id` of the last one as `after`."


class ServerStops(Unavailable):
    code = "edge.server_stops"
    reason = "This server stops or starts anew."
    remedy = "Subscribe again in a moment. To miss no event, send the `id` of the last as `after`."


class OriginRefused(Forbidden):
    code = "edge.origin_refused"
    reason = "Pages of this origin may not open a WebSocket here."
    remedy = "Ask the operator to add the origin to `DML_CORS_ORIGINS`."
