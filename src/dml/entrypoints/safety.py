"""What a start refuses where strangers can reach the marketplace: see docs/decisions/0079."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

from dml.core.addresses import is_loopback
from dml.core.settings import Settings
from dml.core.settings_mail import SmtpSecurity
from dml.refused import Refused

DEVELOPMENT_CHAIN: Final = 31_337  # The id of anvil's chains, and of our local one.
HASH_MEMORY_KIB_MIN: Final = 7_168  # The least that OWASP names for argon2id, with five passes.
# Of the phrase "test test … junk", with which anvil and hardhat begin: tests derive them anew.
KNOWN_KEYS: Final = frozenset(
    (
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
        "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
        "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
        "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
        "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
        "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
        "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
        "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
    )
)
TRIED_FIRST: Final = frozenset(
    ("postgres", "password", "changeme", "change-me", "secret", "admin", "dml", "")
)
# The widest networks that are anybody's own: 10.0.0.0/8 and fc00::/7.
_PREFIX_MIN: Final = {4: 8, 6: 7}


@dataclass(frozen=True, slots=True)
class Rule:
    """What may not be in production, and what to say then: what is wrong, why, what to do."""

    is_broken: Callable[[Settings], bool]
    says: str


def _goes_in_the_clear(it: Settings) -> bool:
    host = it.public_host
    return it.public_url is not None and not it.is_https and not (host and is_loopback(host))


def _trusts_everybody(it: Settings) -> bool:
    for name in map(str.strip, it.trusted_proxies.split(",")):
        if name == "*":
            return True
        if "/" in name:
            network = ip_network(name, strict=False)
            if network.prefixlen < _PREFIX_MIN[network.version]:
                return True
    return False


def _key_is_known(it: Settings) -> bool:
    key = it.payout_key.get_secret_value() if it.payout_key else ""
    return key.lower().removeprefix("0x") in KNOWN_KEYS


def _password_is_tried_first(it: Settings) -> bool:
    parts = urlsplit(it.database_url.get_secret_value() if it.database_url else "")
    return parts.password is not None and parts.password.lower() in {
        *TRIED_FIRST,
        (parts.username or "").lower(),
    }


def _mails_in_the_clear(it: Settings) -> bool:
    to_another = it.smtp_host is not None and not is_loopback(it.smtp_host)
    return to_another and it.smtp_security is SmtpSecurity.NONE


RULES: Final = (
    Rule(
        lambda it: it.public_url is None,
        "DML_PUBLIC_URL is not set: what wallets sign and what mails link to would name whatever "
        "host a request claims",
    ),
    Rule(
        _goes_in_the_clear,
        "DML_PUBLIC_URL does not begin with https://, so that passwords and tokens would go in the "
        "clear: put a proxy with TLS in front",
    ),
    Rule(
        _trusts_everybody,
        "DML_TRUSTED_PROXIES trusts everybody, so that anybody could choose the address that "
        "limits count: name your proxies",
    ),
    Rule(
        lambda it: it.chain_id == DEVELOPMENT_CHAIN,
        f"DML_CHAIN_ID {DEVELOPMENT_CHAIN} is of a chain for development, whose tokens are worth "
        "nothing: name another chain, or none",
    ),
    Rule(
        _key_is_known,
        "DML_PAYOUT_KEY is one of the keys that everybody knows from chains for development: make "
        "another",
    ),
    Rule(
        _password_is_tried_first,
        "the password in DML_DATABASE_URL is one that is tried first: choose another",
    ),
    Rule(
        lambda it: it.webhooks_to_loopback,
        "DML_WEBHOOKS_TO_LOOPBACK lets strangers reach every server on this machine: unset it",
    ),
    Rule(
        lambda it: it.openid_to_loopback,
        "DML_OPENID_TO_LOOPBACK is for development: unset it",
    ),
    Rule(
        _mails_in_the_clear,
        "DML_SMTP_SECURITY is `none` for a server that is not on this machine: set it to "
        "`starttls` or `tls`",
    ),
    Rule(
        lambda it: it.password_memory_kib < HASH_MEMORY_KIB_MIN,
        f"DML_PASSWORD_MEMORY_KIB is below {HASH_MEMORY_KIB_MIN}, so that a stolen hash is soon "
        "guessed: raise it",
    ),
)
_STARTS_A_CHAIN: Final = (
    "a local chain would be started, whose tokens are worth nothing: set DML_CHAIN_URL and "
    "DML_CHAIN_VAULT, or DML_LOCAL_CHAIN=false"
)


def faults_of(settings: Settings, *, starts_a_chain: bool = False) -> list[str]:
    """Say what is unsafe, in the order of the rules. Nothing is, where only we can reach it."""
    if not settings.is_production:
        return []
    found = [rule.says for rule in RULES if rule.is_broken(settings)]
    return [*found, _STARTS_A_CHAIN] if starts_a_chain else found


def require_safe(settings: Settings, *, starts_a_chain: bool = False) -> None:
    """Refuse to start where something is unsafe, in one line that names all of it."""
    if faults := faults_of(settings, starts_a_chain=starts_a_chain):
        raise Refused(
            f"not started, as strangers could reach it: {'; '.join(faults)}. "
            "(DML_ENVIRONMENT=development starts it all the same.)"
        )
