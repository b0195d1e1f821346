"""Of which events of wallets and withdrawals a mail tells."""

from typing import Final

from dml.accounts.notices.kinds import Notice, Said, shortened
from dml.chain.events import WalletChosen, WalletLinked, WalletUnlinked, WithdrawalRequested


def _wallet(said: Said) -> str:
    return f"The wallet {shortened(said['address'])}"


NOTICES: Final = (
    Notice(
        WalletLinked,
        "wallet_linked",
        "A wallet was linked to your account",
        lambda said: f"{_wallet(said)} was linked: your tokens can be withdrawn to it.",
        "unlink that wallet (`dml wallet unlink`)",
    ),
    Notice(
        WalletChosen,
        "wallet_chosen",
        "Your account has another primary wallet",
        lambda said: (
            f"{_wallet(said)} is your primary one now: where no wallet is named, "
            "withdrawals go to it."
        ),
        "make another wallet your primary one (`dml wallet primary`)",
    ),
    Notice(
        WalletUnlinked,
        "wallet_unlinked",
        "A wallet was unlinked from your account",
        lambda said: f"{_wallet(said)} was unlinked: nothing can be withdrawn to it any more.",
        "link that wallet again",
    ),
    Notice(
        WithdrawalRequested,
        "withdrawal_requested",
        "A withdrawal was requested",
        lambda said: (
            f"A withdrawal of {said['amount']} tokens to the wallet "
            f"{shortened(said['address'])} was requested: {said['withdrawal_id']}."
        ),
        "cancel that withdrawal before it is sent "
        "(POST /v1/payments/withdrawals/{withdrawal_id}/cancel)",
    ),
)
