"""The page of all settings, written from the class that reads them.

python -m dml.entrypoints.settings_page docs/operations/settings.md
"""

import sys
from pathlib import Path
from typing import Final

from dml.core.settings import Settings
from dml.entrypoints.cli.settings_shown import Setting, settings_of

HEAD: Final = """\
# Settings

Written by `make openapi` from `src/dml/core/settings.py` and the files beside it: edit those.
`dml settings` shows the same with the values in force, and `dml settings --env` writes a file of
variables to begin with.

Settings are environment variables. Each, and above all a secret, may also be a file in the folder
that `DML_SECRETS_DIR` names, called like the variable; where there are both, the variable counts. A
variable or a file `DML_…` that nothing reads stops the start with one line that names the nearest
one there is. Where strangers can reach the marketplace, settings that are unsafe there stop it, too
([which, and when that is so](../decisions/0079-what-a-start-refuses-in-production.md)).
"""
# Each setting is in the first section that has a beginning of its name.
SECTIONS: Final = (
    ("Where it is reached", "environment host port share_port public_ allowed_ cors_ trusted_"),
    ("What it keeps, and where", "database_ redis_ home blobs keys_file scorer_ factor_ keep_"),
    ("Processes and what they may use", "api_p worker_ sandbox shutdown_ connections_ connections"),
    ("Logs and metrics", "log_ metrics_"),
    ("The chain, deposits and withdrawals", "chain_ local_c payout_ withdrawal second_ compare"),
    ("Requests", "request_ answer_ upload body_ graph_ streams_ address_requests_"),
    ("Files", "model_ test_set_ predictions_ attachment_ files_"),
    ("Signing in", "access_ session_ refresh_ registrations_ sign_ins_ contract_ wallet_"),
    ("Passwords and second factors", "password_"),
    ("Passkeys", "passkey_"),
    ("Accounts elsewhere", "google_ github_ facebook_ openid_ developers_need_"),
    ("Accounts", "sign_up_ photos_ developer_"),
    ("Mail and webhooks", "smtp_ mail webhooks_"),
    ("Jobs and devices", "platform_ least_ jobs_ counts_ min_ lease_ try_ device_ pairing_ short"),
    ("All others", ""),
)


def written() -> str:
    """Return the page."""
    sections: dict[str, list[Setting]] = {title: [] for title, _ in SECTIONS}
    for setting in settings_of(Settings.model_construct()):
        sections[_section_of(setting)].append(setting)
    return HEAD + "".join(_shown(title, told) for title, told in sections.items() if told)


def _section_of(setting: Setting) -> str:
    name = setting.variable.removeprefix("DML_").lower()
    beginnings = ((title, tuple(them.split()) or ("",)) for title, them in SECTIONS)
    return next(title for title, them in beginnings if name.startswith(them))


def _shown(title: str, told: list[Setting]) -> str:
    rows = "".join(f"| `{it.variable}` | {_default(it)} | {_cell(it.meaning)} |\n" for it in told)
    return f"\n## {title}\n\n| variable | default | meaning |\n| --- | --- | --- |\n{rows}"


def _default(setting: Setting) -> str:
    if not setting.default:
        return "unset"
    return _cell(f"`{setting.default}`{f' {setting.unit}' if setting.unit else ''}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(written())
