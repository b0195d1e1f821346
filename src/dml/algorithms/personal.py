"""What is kept of developers: what others have run stays, under an id that names nobody."""

from typing import Final

from dml.algorithms import queries, service
from dml.algorithms.resumable import service as uploads
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.personal import EMPTY, NONE_OF_THEM, Columns, Holding, Personal

_MINE: Final = "algorithm_id IN (SELECT id FROM algorithms WHERE developer_id = :user_id)"
_GOOD: Final = "for good: its customers can look up what they had run"


async def leave(ctx: Context, user_id: UserId) -> None:
    """End the user's uploads, archive what they offer, and delete the versions on which nobody can
    depend.
    """
    await uploads.end_all_of(ctx, user_id)
    while found := await queries.list_to_archive(ctx.tx, user_id):
        for algorithm_id in found:
            await service.archive(ctx, algorithm_id, reason="its developer erased their account")
        await ctx.tx.flush()
    while versions := await queries.list_to_delete(ctx.tx, user_id):
        for algorithm_id, version_id in versions:
            await service.delete(ctx, algorithm_id, version_id)
        await ctx.tx.flush()


_APPEALS: Final = Holding(
    "appeals",
    "What a developer says against what a moderator decided.",
    "for good, as the decision is; what they said goes with their account",
    (
        Columns("id algorithm_id version_id state created_at", "About what, and how it ended."),
        Columns(
            "decision decided_at decided_by decided_reason decided_code", "The decision, and why."
        ),
        Columns("text", "What the developer says.", EMPTY),
        Columns("resolved_at resolved_by resolution", "What another moderator found."),
    ),
    whose=_MINE,
)
_PROBES: Final = Holding(
    "version_probes",
    "How a model answers fixed pictures, for moderators: what it does, and whose it is like.",
    "as long as the version",
    (
        Columns("version_id developer_id", "Which version, of whom."),
        Columns(
            "probe_set label_count", "Which pictures it was asked, and how many labels it has."
        ),
        Columns(
            "answers confidences ranks samples",
            "What it answered. Moderators alone see it.",
            is_secret=True,
        ),
    ),
    whose="developer_id = :user_id",
)
_TWINS: Final = Holding(
    "version_twins",
    "Which models answer alike, for moderators: one may be a copy of the other.",
    "as long as both versions",
    (
        Columns("version_id twin_id", "Which two versions.", is_secret=True),
        Columns("probes agreeing confidence_difference", "How alike they are.", is_secret=True),
    ),
)

PERSONAL: Final = Personal(
    holdings=(
        _APPEALS,
        _PROBES,
        _TWINS,
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
                Columns("submitted_at", "Since when it waits for a moderator."),
                Columns(
                    "reviewed_at reviewed_by review_reason review_code "
                    "recalled_at recalled_by recall_reason recall_code",
                    "What moderators decided, and why.",
                ),
                Columns("origin author_ids", "In which bounty it was entered, by which ids."),
            ),
            whose=_MINE,
        ),
        Holding(
            "algorithm_uploads",
            "Models that come in parts.",
            "until they are completed or given up, and a day",
            (
                Columns("id algorithm_id version_id", "Of which algorithm, and what it became."),
                Columns("input_spec sha256 size received", "What was announced, what has come."),
                Columns("created_at expires_at completed_at", "Since when, and until when."),
                Columns(
                    "parts writer",
                    "Which objects hold what has come, and which request wrote last.",
                    is_secret=True,
                ),
            ),
            whose=_MINE,
            is_deleted=True,
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
                Columns("announced_at", "Since when everybody could see that it is coming."),
                Columns(
                    "suspended_at suspended_by_id suspension_reason suspension_code",
                    "When it was suspended, by whom and why.",
                ),
                Columns(
                    "rating_count rating_sum weighted_rating", "How its customers rated it, in sum."
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
            "algorithm_statistics",
            "What your models did, day by day.",
            _GOOD,
            (
                Columns("version_id algorithm_id day", "Which version, and when."),
                Columns("devices earned", "On how many devices, and what you were paid."),
                Columns("ratings stars", "How it was rated, in sum."),
            ),
            whose=_MINE,
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
