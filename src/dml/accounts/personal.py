"""What is kept of every user."""

from typing import Final

from dml.accounts.organisations.service import leave_all
from dml.core.personal import EMPTY, NONE_OF_THEM, NULL, Blocker, Columns, Holding, Personal

_MINE: Final = "user_id = :user_id"
_SESSIONS: Final = "session_id IN (SELECT id FROM user_sessions WHERE user_id = :user_id)"
_NAMED: Final = """(SELECT jsonb_build_object('id', o.id, 'name', o.first_name)
    FROM users o WHERE o.id = organisation_id)"""
_WHILE: Final = "until you erase your account"

PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "data_exports",
            "Files with all that is kept of you, which you asked for.",
            "a week",
            (
                Columns("id user_id created_at ready_at failed_at size", "When you asked for one."),
                Columns("sha256", "The digest of the file.", is_secret=True),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "agreement_acceptances",
            "Which developer agreement you accepted, as what you uploaded is offered under it.",
            "for good: once you are erased it names nobody",
            (Columns("user_id sha256 accepted_at", "Which text, by its digest, and when."),),
            whose=_MINE,
        ),
        Holding(
            "developer_agreements",
            "The texts that developers accepted.",
            "for good",
            (Columns("sha256 version title text created_at", "What the operator asked for."),),
        ),
        Holding(
            "account_links",
            "Links that were mailed to you.",
            "30 days after they end to work",
            (
                Columns("kind user_id email", "What it did, and where it was mailed."),
                Columns("created_at expires_at ended_at", "When."),
                Columns("sha256", "The digest of its token.", is_secret=True),
            ),
            whose="(user_id = :user_id OR email = :email)",
            is_deleted=True,
        ),
        Holding(
            "personal_tokens",
            "What your programs sign in with.",
            "30 days after it ends to work",
            (
                Columns("id user_id name scopes", "What you call it, and what it may do."),
                Columns("created_at expires_at last_used_at", "When it was made and last used."),
                Columns("sha256", "Its digest.", is_secret=True),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "totp_factors",
            "Your authenticator app, so that a password alone lets nobody in.",
            "until you remove it",
            (
                Columns("user_id created_at confirmed_at", "Since when you have it."),
                Columns("last_step wrong_in_a_row", "Which codes were used, and how many wrong."),
                Columns("sealed", "Its secret, encrypted.", is_secret=True),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "recovery_codes",
            "What stands in for your authenticator app.",
            "until you renew them, or remove the app",
            (
                Columns("user_id created_at used_at", "When one was made and used."),
                Columns("sha256", "Its digest.", is_secret=True),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "sign_in_tickets",
            "What you hold between a password and a code.",
            "five minutes",
            (
                Columns("user_id created_at expires_at tries used_at", "When you signed in."),
                Columns("sha256", "The digest of the ticket.", is_secret=True),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "passkeys",
            "Your passkeys, by which you sign in.",
            "until you revoke them",
            (
                Columns("id user_id name", "Which way to sign in it is, and what you call it."),
                Columns("relying_party transports aaguid", "For what domain, and of what kind."),
                Columns("can_be_backed_up is_backed_up", "Whether it may be on several devices."),
                Columns("created_at last_used_at sign_count", "Since when, and its last use."),
                Columns("public_key", "The key that verifies what it signs.", is_secret=True),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "used_passkey_challenges",
            "What passkeys signed, so that it is good once.",
            "five minutes",
            (Columns("sha256 expires_at", "No personal data."),),
        ),
        Holding(
            "refresh_tokens",
            "What your sessions are renewed with.",
            "as long as its session",
            (
                Columns("session_id created_at used_at", "When it was used."),
                Columns("sha256 successor_salt", "Its digest.", is_secret=True),
            ),
            whose=_SESSIONS,
            is_deleted=True,
        ),
        Holding(
            "user_sessions",
            "Where you are signed in, so that you can see and end it.",
            "30 days after it ends",
            (
                Columns("id user_id created_at expires_at", "When you signed in."),
                Columns("ended_at end_reason last_used_at", "When and why it ended."),
                Columns("network device", "From which network, with what program."),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "memberships",
            "For which organisations you act, and what you may do for them.",
            "30 days after you left",
            (Columns("organisation_id user_id role since left_at", "Which, as what, and when."),),
            whose=_MINE,
            is_deleted=True,
            shown={"organisation_id": _NAMED},
        ),
        Holding(
            "invitations",
            "That you are invited to act for an organisation, or invited somebody.",
            "30 days after they expire",
            (
                Columns("id organisation_id email role invited_by", "Who is invited, by whom."),
                Columns("created_at expires_at ended_at", "When."),
                Columns("sha256", "The digest of its code.", is_secret=True),
            ),
            whose="(email = :email OR invited_by = :user_id)",
            deleted_where="email = :email",
            shown={
                "organisation_id": _NAMED,
                "email": "CASE WHEN email = :email THEN email END",
            },
        ),
        Holding(
            "known_networks",
            "So that who guesses your password elsewhere does not keep you out.",
            "90 days after you last came from there",
            (
                Columns("user_id last_at", "When you came from there."),
                Columns("sha256", "The digest of a network's address.", is_secret=True),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "sandbox_clocks",
            "So that nobody takes all the time in which models are checked.",
            _WHILE,
            (Columns("user_id ahead_until timeouts_since timeouts", "How much of it you took."),),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "openid_starts",
            "Sign-ins at a provider, from which nobody has come back yet.",
            "10 minutes",
            (
                Columns("provider return_to is_fresh created_at expires_at", "Where it began."),
                Columns("sha256 code_challenge", "Digests of secrets.", is_secret=True),
            ),
        ),
        Holding(
            "openid_logins",
            "Sign-ins at a provider, from which you have just come back.",
            "5 minutes",
            (
                Columns("subject email", "Who you are there, and your address, if verified."),
                Columns("authenticated_at created_at expires_at", "When you signed in there."),
                Columns("sha256 code_challenge", "Digests of secrets.", is_secret=True),
            ),
            whose="""(email = :email OR subject IN (
                SELECT subject FROM identities WHERE kind = 'openid' AND user_id = :user_id
            ))""",
            is_deleted=True,
        ),
        Holding(
            "identities",
            "By what you sign in.",
            _WHILE,
            (
                Columns("id user_id kind subject created_at", "Which way, and since when."),
                Columns("secret", "The hash of your password.", is_secret=True),
            ),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "users",
            "Your account.",
            _WHILE,
            (
                Columns("id kind created_at revision role erased_at", "That there is one."),
                Columns("email", "Your address.", NULL),
                Columns("password_hash", "The hash of your password.", EMPTY, is_secret=True),
                Columns("first_name last_name bio country", "What everybody can see.", NULL),
                Columns("photo_sha256 thumbnail_sha256", "Your photo, which they see.", NULL),
                Columns("shows_prizes", "Whether they see what you won.", "false"),
                Columns("date_of_birth gender education_level", "What you see alone.", NULL),
                Columns("permitted_kinds", "What your devices may process.", NONE_OF_THEM),
                Columns("email_verified_at", "When your address was proven.", NULL),
                Columns("suspended_at suspension_reason", "When and why you were kept out.", NULL),
            ),
            whose="id = :user_id",
        ),
    ),
    leave=leave_all,
    blockers=(
        Blocker(
            "last_owner",
            "You are the only owner of an organisation, and it needs one.",
            "Make another member an owner first, or close it.",
            """
            SELECT count(*) FROM memberships mine
            JOIN users o ON o.id = mine.organisation_id AND o.erased_at IS NULL
            WHERE mine.user_id = :user_id AND mine.role = 'owner' AND mine.left_at IS NULL
              AND NOT EXISTS (
                SELECT FROM memberships m
                WHERE m.organisation_id = mine.organisation_id AND m.user_id <> :user_id
                  AND m.role = 'owner' AND m.left_at IS NULL
            )
            """,
        ),
        Blocker(
            "last_admin",
            "You are the only admin, and a marketplace needs one.",
            "Make somebody else an admin first.",
            """
            SELECT count(*) FROM users WHERE id = :user_id AND role = 'admin' AND NOT EXISTS (
                SELECT FROM users o
                WHERE o.role = 'admin' AND o.suspended_at IS NULL AND o.id <> :user_id
            )
            """,
        ),
    ),
)
