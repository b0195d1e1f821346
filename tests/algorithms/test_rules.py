"""The law of algorithms and versions, tried from every state."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from uuid import UUID

import pytest

from dml.accounts.models import DataKind
from dml.accounts.rules import ModeratorsOnly
from dml.algorithms import rules
from dml.algorithms.models import Algorithm, AlgorithmKind, AlgorithmState, Version, VersionState
from dml.algorithms.suspending import rules as suspending
from dml.core.context import NOBODY, SYSTEM, Actor, Role
from dml.core.errors import DmlError, NotSignedIn
from dml.core.ids import AlgorithmId, UserId, VersionId, new_id
from dml.core.money import MicroTokens

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEVELOPER = Actor(UserId(new_id()))
STRANGER = Actor(UserId(new_id()))
MODERATOR = Actor(UserId(new_id()), Role.MODERATOR)
ADMIN = Actor(UserId(new_id()), Role.ADMIN)
EVERYBODY = (DEVELOPER, STRANGER, NOBODY, MODERATOR, ADMIN, SYSTEM)
A, V = AlgorithmState, VersionState


def algorithm(state: AlgorithmState) -> Algorithm:
    return Algorithm(
        id=AlgorithmId(new_id()),
        developer_id=DEVELOPER.id,
        title="Digits",
        summary="Digits.",
        model_card="Digits.",
        kind=AlgorithmKind.IMAGE,
        tags=[],
        data_kind=DataKind.PHOTO,
        device_fee=MicroTokens(0),
        labels=["0", "1"],
        kept_state=A.DRAFT if state is A.ANNOUNCED else state,
        announced_at=NOW if state is A.ANNOUNCED else None,
        created_at=NOW,
        updated_at=NOW,
    )


def version(state: VersionState) -> Version:
    return Version(
        id=VersionId(new_id()),
        algorithm_id=AlgorithmId(new_id()),
        number=1,
        state=state,
        input_spec={},
        sha256="0" * 64,
        size=1,
        created_at=NOW,
    )


def refusal_of(require: Callable[[], None]) -> type[DmlError] | None:
    try:
        require()
    except DmlError as refused:
        return type(refused)
    return None


@pytest.mark.parametrize(("origin", "to"), list(product(AlgorithmState, AlgorithmState)))
def test_an_algorithm_moves_as_the_story_says(origin: AlgorithmState, to: AlgorithmState) -> None:
    allowed = {
        (A.DRAFT, A.ANNOUNCED),
        (A.ANNOUNCED, A.DRAFT),
        (A.ANNOUNCED, A.LISTED),
        (A.ANNOUNCED, A.SUSPENDED),
        (A.ANNOUNCED, A.ARCHIVED),
        (A.SUSPENDED, A.ANNOUNCED),
        (A.DRAFT, A.LISTED),
        (A.LISTED, A.SUSPENDED),
        (A.SUSPENDED, A.LISTED),
        (A.DRAFT, A.ARCHIVED),
        (A.LISTED, A.ARCHIVED),
        (A.SUSPENDED, A.ARCHIVED),
    }
    thing, since = algorithm(origin), NOW if to is A.ANNOUNCED else None
    if (origin, to) in allowed:
        move = rules.move_algorithm(thing, to, announced_at=since)
        assert (move.origin, move.to, thing.state) == (origin, to, to)
    else:
        with pytest.raises(rules.WrongState) as refused:
            rules.move_algorithm(thing, to, announced_at=since)
        assert thing.state is origin
        assert refused.value.facts["state"] == origin
        assert refused.value.facts["allowed"] == sorted(it for o, it in allowed if o == origin)


@pytest.mark.parametrize(("origin", "to"), list(product(VersionState, VersionState)))
def test_a_version_moves_as_the_story_says(origin: VersionState, to: VersionState) -> None:
    allowed = {
        (V.UPLOADED, V.CHECKED),
        (V.UPLOADED, V.REFUSED),
        (V.CHECKED, V.IN_REVIEW),
        (V.IN_REVIEW, V.APPROVED),
        (V.IN_REVIEW, V.REJECTED),
        (V.IN_REVIEW, V.CHECKED),
        (V.APPROVED, V.RECALLED),
        (V.CHECKED, V.DELETED),
        (V.REFUSED, V.DELETED),
        (V.REJECTED, V.DELETED),
        (V.REJECTED, V.APPROVED),  # Only by an appeal, as the next one.
        (V.RECALLED, V.APPROVED),
    }
    thing = version(origin)
    if (origin, to) in allowed:
        move = rules.move_version(thing, to)
        assert (move.origin, move.to, thing.state) == (origin, to, to)
    else:
        with pytest.raises(rules.WrongState) as refused:
            rules.move_version(thing, to)
        assert thing.state is origin
        assert refused.value.facts["state"] == origin
        assert refused.value.facts["allowed"] == sorted(
            it for o, it in allowed - rules.BY_APPEAL if o == origin
        )


@pytest.mark.parametrize(("state", "actor"), list(product(AlgorithmState, EVERYBODY)))
def test_only_what_is_listed_or_announced_is_seen_by_others(
    state: AlgorithmState, actor: Actor
) -> None:
    manages = actor not in (STRANGER, NOBODY)
    assert rules.manages(algorithm(state), actor) is manages
    assert rules.sees(algorithm(state), actor) is (manages or state in (A.LISTED, A.ANNOUNCED))


@pytest.mark.parametrize(("state", "actor"), list(product(VersionState, EVERYBODY)))
def test_what_was_approved_is_seen_by_others_even_if_recalled(
    state: VersionState, actor: Actor
) -> None:
    seen = rules.sees_version(algorithm(A.LISTED), version(state), actor)
    assert seen is (actor not in (STRANGER, NOBODY) or state in (V.APPROVED, V.RECALLED))


@pytest.mark.parametrize(("a", "v"), list(product(AlgorithmState, VersionState)))
def test_a_new_job_runs_an_approved_version_of_a_listed_algorithm(
    a: AlgorithmState, v: VersionState
) -> None:
    expected: type[DmlError] | None = None
    if a in (A.DRAFT, A.ANNOUNCED):
        expected = rules.VersionNotFound
    elif v is not V.APPROVED:
        expected = rules.VersionNotApproved
    elif a is not A.LISTED:
        expected = rules.NotListed
    assert refusal_of(lambda: rules.require_runnable(algorithm(a), version(v))) is expected


@pytest.mark.parametrize("actor", EVERYBODY)
def test_each_part_may_do_its_own(actor: Actor) -> None:
    thing = algorithm(A.LISTED)
    of_developer = refusal_of(lambda: rules.require_developer(thing, actor))
    assert of_developer is (None if actor is DEVELOPER else rules.NotDeveloper)
    of_manager = refusal_of(lambda: rules.require_developer_or_moderator(thing, actor))
    assert of_manager is (rules.NotDeveloper if actor in (STRANGER, NOBODY) else None)
    of_judge = refusal_of(lambda: rules.require_not_own(rules.owners_of(thing), actor))
    assert of_judge is (rules.OwnVersion if actor is DEVELOPER else None)
    signed_in = refusal_of(lambda: rules.require_signed_in(actor))
    assert signed_in is (NotSignedIn if actor in (NOBODY, SYSTEM) else None)


@pytest.mark.parametrize("actor", EVERYBODY)
@pytest.mark.parametrize("authors", [[], [MODERATOR.id], [STRANGER.id, ADMIN.id]])
def test_nobody_reviews_what_is_their_own_or_their_teams(actor: Actor, authors: list[UUID]) -> None:
    made = version(V.IN_REVIEW)
    made.author_ids = authors
    owners = rules.owners_of(algorithm(A.DRAFT), made)
    refused = refusal_of(lambda: rules.require_not_own(owners, actor))
    is_theirs = actor is DEVELOPER or actor.user_id in authors
    assert refused is (rules.OwnVersion if is_theirs else None)


@pytest.mark.parametrize("state", AlgorithmState)
def test_only_what_is_suspended_is_resumed_and_nothing_is_done_in_an_archive(
    state: AlgorithmState,
) -> None:
    resumed = refusal_of(lambda: suspending.require_suspended(algorithm(state)))
    assert resumed is (None if state is A.SUSPENDED else rules.WrongState)
    used = refusal_of(lambda: rules.require_not_archived(algorithm(state)))
    assert used is (rules.Archived if state is A.ARCHIVED else None)


@pytest.mark.parametrize(
    ("actor", "state", "mine"),
    list(product(EVERYBODY, [None, *AlgorithmState], [True, False])),
)
def test_a_list_shows_what_its_reader_could_see(
    actor: Actor, state: AlgorithmState | None, mine: bool
) -> None:
    expected: type[DmlError] | None = None
    if mine and actor.user_id is None:
        expected = NotSignedIn
    elif not mine and state not in (None, A.LISTED, A.ANNOUNCED) and not actor.is_moderator:
        expected = ModeratorsOnly
    refusal = refusal_of(lambda: rules.require_may_list(actor, mine=mine, state=state))
    assert refusal is expected


def test_what_is_next_has_a_deadline_where_nobody_is_waited_for() -> None:
    told = {state: rules.upcoming(version(state)) for state in VersionState}
    assert told == {
        V.UPLOADED: [("check", NOW), ("give_up", NOW + rules.CHECK_WITHIN)],
        V.CHECKED: [("submit", None)],
        V.IN_REVIEW: [("review", None)],
        V.REFUSED: [],
        V.APPROVED: [],
        V.REJECTED: [],
        V.RECALLED: [],
        V.DELETED: [],
    }


def test_what_a_hostile_file_names_can_be_stored() -> None:
    hostile = {"in\0put": ["half \ud800", {"deep": "\0"}, 1, None, 0.5, True]}
    stored = {"in\ufffdput": ["half ?", {"deep": "\ufffd"}, 1, None, 0.5, True]}
    assert rules.storable(hostile) == stored
