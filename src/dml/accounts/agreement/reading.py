"""Where the agreement stands: in this package, or in a file of the operator's."""

from pathlib import Path
from typing import Final

from dml.accounts.agreement import rules
from dml.accounts.agreement.rules import Agreement, Demands
from dml.core.settings import Settings
from dml.core.settings_accounts import AgreementDemand
from dml.refused import Refused

OURS: Final = Path(__file__).with_name("agreement.md")


def read_demands(settings: Settings) -> Demands:
    """Return what this marketplace asks of developers, or refuse to start with what it is not."""
    return Demands(
        _read(settings.developer_agreement_file or OURS),
        settings.developer_agreement is AgreementDemand.REQUIRED,
        settings.developers_need_github,
    )


def _read(file: Path) -> Agreement:
    try:
        content = file.read_bytes()
        if len(content) > rules.TEXT_BYTES_MAX:
            raise ValueError(f"make it {rules.TEXT_BYTES_MAX:,} bytes long at most")
        return rules.read(content.decode())
    except OSError as error:
        raise Refused(
            f"cannot read the developer agreement {file} ({error.strerror}): "
            "correct DML_DEVELOPER_AGREEMENT_FILE"
        ) from error
    except ValueError as error:  # UnicodeDecodeError is one, too.
        raise Refused(f"{file} is no developer agreement: {error}") from error
