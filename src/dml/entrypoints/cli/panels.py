"""In which order `dml --help` lists the commands: by who uses them."""

from typing import Any, Final

from typer.core import TyperGroup

YOU: Final = "You"
MARKET: Final = "Models, jobs, devices, bounties"
OPERATE: Final = "Run a marketplace"
PANELS: Final = (YOU, MARKET, OPERATE)


class InOrder(TyperGroup):
    """Lists commands by who uses them: typer alone would list groups last."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return sorted(names, key=lambda it: PANELS.index(self._panel(it)))

    def _panel(self, name: str) -> str:
        return str(getattr(self.commands[name], "rich_help_panel", OPERATE))
