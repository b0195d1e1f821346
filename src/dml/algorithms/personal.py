"""What is kept of developers: what others have run stays, under an id that names nobody."""

from typing import Final

from dml.algorithms import queries, service
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.personal import EMPTY, NONE_OF_THEM, Columns, Holding, Personal

_MINE: Final = "algorithm_id IN (SELECT id FROM algorithms WHERE developer_id = :user_id)"
_GOOD: Final = "for good: its customers can look up what they had run"


async def leave(ctx: Context, user_id: UserId) -> None:
    """Archive what the user offers, and delete the versions on which nobody can depend."""
    while found := await queries.list_to_archive(ctx.tx, user_id):
        for algorithm_id in found:
            await service.archive(ctx, algorithm_id, reason="its developer erased their account")
        await ctx.tx.flush()
    while versions := await queries.list_to_delete(ctx.tx, user_id):
        for algorithm_id, version_id in versions:
            await service.delete(ctx, algorithm_id, version_id)
        await ctx.tx.flush()


PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "algorithm_versions",
            "The files of a model: what was run.",
            f"{_GOOD}; those never approved, until their developer deletes them",
            (
                Columns("id algorithm_id number state created_at", "Which version, and its state."),
                Columns("input_spec signature sha256 size", "The model, which names nobody."),
                Columns(
                    "refusals passport least_memory_mib least_speed checked_at",
                    "What our check found and measured.",
                ),
                Columns(
                    "reviewed_at reviewed_by review_reason recalled_at recall_reason",
                    "What moderators decided, and why.",
                ),
                Columns("origin author_ids", "In which bounty it was entered, by which ids."),
            ),
            whose=_MINE,
        ),
        Holding(
            "rendered_cards",
            "Model cards as their pages show them.",
            "as long as the card",
            (Columns("algorithm_id renderer card_sha256 html", "The card, as HTML."),),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "algorithms",
            "Models on offer.",
            _GOOD,
            (
                Columns("id developer_id kind data_kind device_fee state created_at", "The offer."),
                Columns(
                    "updated_at revision runs suspended_by",
                    "How often it was edited and run, who stopped it.",
                ),
                Columns("title slug summary labels", "What it does, as everybody read it."),
                Columns(
                    "words brief_words",
                    "Its words, made of those columns: what is erased there is erased here.",
                    is_secret=True,
                ),
                Columns("model_card", "What its developer tells about it.", EMPTY),
                Columns("tags", "By which words it is found.", NONE_OF_THEM),
            ),
            whose="developer_id = :user_id",
        ),
        Holding(
            "algorithm_words",
            "Which words listed algorithms have, so that what is misspelt can be corrected.",
            "as long as a listed algorithm has the word",
            (
                Columns(
                    "word", "A word of a title, of tags or of a summary. It names no algorithm."
                ),
            ),
        ),
    ),
    leave=leave,
)
