"""What README and the guides tell people to type, read from the pages themselves."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md")))
PROGRAMS: Final = {
    "python": ".venv/bin/python - <<'END'\n{}END\n",
    "typescript": "(cd frontend && ../.venv/bin/node --input-type=module-typescript)"
    " <<'END'\n{}END\n",
}
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of a page, the line that they begin in, and what the page says they print."""

    line: int
    commands: str
    shown: str | None


def blocks(page: Path) -> list[Block]:
    """The command blocks of a page, in order. A `text` block right behind one is its output.

    A program in Python or TypeScript is a command, too: the one that runs it.
    """
    text = page.read_text()
    found = list(_FENCE.finditer(text))
    following = {it.start(): it for it in found}
    made = list[Block]()
    for it in found:
        if it[1] != "sh" and it[1] not in PROGRAMS:
            continue
        commands = it[2] if it[1] == "sh" else PROGRAMS[it[1]].replace("{}", it[2])
        output = following.get(it.end() + len("\n\n"))
        shown = output[2] if output is not None and output[1] == "text" else None
        made.append(Block(text.count("\n", 0, it.start()) + 2, commands, shown))
    return made


def as_pattern(shown: str) -> re.Pattern[str]:
    """Matches an output like the one shown: `…` stands for anything, blanks for any blanks."""
    words = (".*".join(map(re.escape, word.split("…"))) for word in shown.split())
    return re.compile(r"\s+".join(words), re.DOTALL)
