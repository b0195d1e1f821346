"""What is asked of developers, and of which form an agreement is. Pure."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from dml.core.errors import Conflict, Forbidden, NotFound

TEXT_BYTES_MAX: Final = 100_000
VERSION_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
_VERSION: Final = re.compile(r"^Version: ([A-Za-z0-9][A-Za-z0-9._-]{0,39})$", re.MULTILINE)
_TITLE: Final = re.compile(r"# (\S.{0,199})")


class AgreementNotCurrent(Conflict):
    code = "accounts.agreement_not_current"
    reason = "This is not the version of the developer agreement that is asked for now."
    remedy = "Read the current one (`GET /v1/developer-agreement`), and accept version `current`."
    current: str


class AgreementNotFound(NotFound):
    code = "accounts.agreement_not_found"
    reason = "There is no such developer agreement."
    remedy = "Take the digest from the list of those that you have accepted."


class AgreementNeeded(Forbidden):
    code = "accounts.agreement_needed"
    reason = "Whoever uploads a model accepts the developer agreement first."
    remedy = (
        "Read it (`GET /v1/developer-agreement`), accept `version` "
        "(`POST /v1/users/me/developer-agreements`), and send this again."
    )
    version: str


class GithubNeeded(Forbidden):
    code = "accounts.github_needed"
    reason = "Here, whoever uploads a model has a GitHub account linked."
    remedy = (
        "Link yours (`GET /v1/sessions/openid/github` in a browser, then "
        "`POST /v1/users/me/identities/openid`; or `dml account link github`), and send this again."
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """A text in Markdown; what people call this version of it, and its digest."""

    version: str
    title: str
    text: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Demands:
    """What is asked of whoever uploads a model."""

    agreement: Agreement
    is_required: bool
    needs_github: bool


def read(text: str) -> Agreement:
    """Return what a text says of itself. ValueError, with what is wrong, where it is no agreement.

    Line ends are made those of Unix, so that a text is the same from whatever editor.
    """
    text = text.replace("\r\n", "\n").strip() + "\n"
    title, versions = _TITLE.match(text), _VERSION.findall(text)
    if title is None:
        raise ValueError("begin it with a title: `# Developer agreement`")
    if len(versions) != 1:
        raise ValueError("give it one line `Version: …`, such as `Version: 1`")
    if "\0" in text:
        raise ValueError("it holds a NUL")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Agreement(versions[0], title[1].strip(), text, digest)
