"""Whether a bounty's result is what its public data say. Everything is made anew.

What a server tells may be wrong or hostile: the test set's file is read in the sandbox, and each
blob must have the hash that it is named by.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from dml.bounties.judging.rules import ORDERING, Band, order_now, share_prizes
from dml.bounties.models import Ties
from dml.client.marketplace import Marketplace, bounty_path
from dml.core import money
from dml.inference.signature import Refused as ModelRefused
from dml.refused import Refused
from dml.scoring import metrics, ranking, test_set
from dml.scoring.names import MetricName, TableLayout
from dml.scoring.predictions import Predictions
from dml.scoring.ranked import Ranked
from dml.scoring.reader import Reader
from dml.scoring.test_set import TestSet

FILE_BYTES_MAX: Final = 1 << 30
CHANCE_TOLERANCE: Final = 0.03  # numpy may draw otherwise in another version.
SCORE_TOLERANCE: Final = 1e-9
SHOWN_TOLERANCE: Final = 1e-5


@dataclass(slots=True)
class Verdict:
    """Each check in words, and whether it held."""

    checks: list[tuple[str, bool, str]] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        return bool(self.checks) and all(held for _, held, _ in self.checks)

    def check(self, what: str, held: bool, otherwise: str = "") -> None:
        self.checks.append((what, held, "" if held else otherwise))

    def as_json(self) -> str:
        published = [{"check": what, "held": held, "detail": it} for what, held, it in self.checks]
        return json.dumps({"verified": self.verified, "checks": published})

    def as_text(self) -> str:
        lines = [
            f"{'✓' if held else '✗'} {what}{it and f': {it}'}" for what, held, it in self.checks
        ]
        failed = sum(not held for _, held, _ in self.checks)
        end = f"{failed} of {len(lines)} checks failed." if failed else "All of it holds."
        return "\n".join([*lines, end])


def verify(market: Marketplace, bounty_id: str, noted: str | None) -> Verdict:
    """Make everything anew, and hold it against what is told. Refused where nothing is told yet."""
    path = bounty_path(bounty_id)
    evidence = market.ask("GET", f"{path}/evidence")
    verdict, metric = Verdict(), MetricName(evidence["metric"])
    hidden = _test_set(verdict, market, evidence, noted)
    if hidden is None:
        return verdict
    bounty = market.ask("GET", path)
    parts = (len(hidden), int(hidden.public.sum()))
    published = (bounty["test_set"]["rows"], bounty["test_set"]["public_rows"])
    verdict.check(
        "the split is that of the salt", parts == published, f"{parts} rows, told: {published}"
    )

    blobs = {it["enrollment_id"]: _blob(market, it["predictions"]) for it in evidence["entries"]}
    entries = {entry: Predictions.from_bytes(blob) for entry, blob in blobs.items()}
    verdict.check(f"the predictions of {len(entries)} entrants have the hashes told", held=True)
    _check_commitments(verdict, evidence, blobs)
    public = list(market.all_of(f"{path}/leaderboard", part="public"))
    decisions = list(market.all_of(f"{path}/decisions"))[::-1]  # The first one first.
    _check_public_scores(verdict, public, metric, hidden, evidence, entries)
    _check_all_ranked(verdict, public, decisions, evidence)
    salt = bytes.fromhex(evidence["salt"])
    made = ranking.rank(metric, hidden, entries, salt, draws=evidence["draws"])
    _check_ranking(verdict, evidence["entries"], made)
    _check_prizes(verdict, evidence)
    _check_board(verdict, market, path, decisions, evidence)
    return verdict


def _blob(market: Marketplace, published: Mapping[str, Any]) -> bytes:
    """Fetch a file. Refused where it is not the one that its hash names."""
    content = market.bytes_of(published["url"], limit=FILE_BYTES_MAX)
    if hashlib.sha256(content).hexdigest() != published["sha256"]:
        raise Refused(f"{published['url']} is not the file whose hash was told")
    return content


def _test_set(
    verdict: Verdict, market: Marketplace, evidence: Mapping[str, Any], noted: str | None
) -> TestSet | None:
    """Read the test set that was committed to; None where it cannot be."""
    published, salt = evidence["test_set"], bytes.fromhex(evidence["salt"])
    file = _blob(market, published)
    commitment = test_set.commitment(salt, file)
    what = "salt and test set are those committed to when it opened"
    verdict.check(what, commitment == evidence["commitment"], f"they give {commitment}")
    if noted is not None:
        what = "the commitment is the one that was noted"
        verdict.check(what, noted.lower() == commitment, f"it is {commitment}")
    try:
        with Reader() as reader:
            return reader.read_test_set(
                file,
                TableLayout(
                    published["format"], published["id_column"], published["target_column"]
                ),
                metric=MetricName(evidence["metric"]),
                salt=salt,
            )
    except ModelRefused as refused:
        verdict.check("the test set can be read", False, f"{refused.reasons[0].detail}")
        return None


def _check_public_scores(
    verdict: Verdict,
    public: Sequence[Mapping[str, Any]],
    metric: MetricName,
    hidden: TestSet,
    evidence: Mapping[str, Any],
    entries: Mapping[str, Predictions],
) -> None:
    """Hold the public board against the predictions that its hashes name."""
    wrong, seen = [], 0
    ranked = {it["enrollment_id"]: it for it in evidence["entries"]}
    for row in public:
        entry = row["enrollment_id"]
        if entry not in ranked or not _is_of(row, ranked[entry]):
            continue  # Another submission than the best was chosen, or it was not ranked.
        seen += 1
        part = hidden.public
        target, predicted = hidden.target[part], entries[entry].values[part]
        score = metrics.score(metric, target, predicted, hidden.classes)
        if abs(score - row["score"]) > SHOWN_TOLERANCE:
            wrong.append(f"{row['name']}: {row['score']}, made anew {score}")
    verdict.check(
        f"{seen} public scores are those of their predictions", not wrong, "; ".join(wrong)
    )


def _is_of(row: Mapping[str, Any], ranked: Mapping[str, Any]) -> bool:
    """Whether a public score stands for the predictions that were ranked."""
    if row.get("commitment") is not None:
        return bool(row["commitment"] == ranked.get("commitment"))
    return bool(row["predictions_sha256"] == ranked["predictions"]["sha256"])


def _check_commitments(
    verdict: Verdict, evidence: Mapping[str, Any], blobs: Mapping[str, bytes]
) -> None:
    """Hold predictions against what was told of them when they were scored."""
    salted = [it for it in evidence["entries"] if it.get("commitment") is not None]
    wrong = [
        it["name"]
        for it in salted
        if test_set.commitment(bytes.fromhex(it["salt"] or ""), blobs[it["enrollment_id"]])
        != it["commitment"]
    ]
    what = f"{len(salted)} of them are those committed to when they were scored"
    verdict.check(what, not wrong, f"not those of {', '.join(wrong)}")


def _check_all_ranked(
    verdict: Verdict,
    public: Sequence[Mapping[str, Any]],
    decisions: Sequence[Mapping[str, Any]],
    evidence: Mapping[str, Any],
) -> None:
    """Look for somebody whom the ranking left out. Who came back after it could not be in it."""
    known = {it["enrollment_id"] for it in evidence["entries"]}
    known.update(who for it in decisions if it["action"] == "reinstated" for who in it["winners"])
    missed = [it["name"] for it in public if it["enrollment_id"] not in known]
    what = "all who have a public score were ranked"
    verdict.check(what, not missed, f"not {', '.join(missed)}")


def _check_ranking(
    verdict: Verdict, published: Sequence[Mapping[str, Any]], made: Sequence[Ranked]
) -> None:
    """Hold each entrant's private score, place, ties and chance against those made anew."""
    anew = {it.entry: it for it in made}
    checks: tuple[tuple[str, Callable[[Mapping[str, Any], Ranked], bool]], ...] = (
        ("private scores", lambda it, own: abs(it["score"] - own.score) <= SCORE_TOLERANCE),
        ("places", lambda it, own: it["place"] == own.place),
        (
            "ties",
            lambda it, own: (it["tied_from"], it["tied_to"]) == (own.tied_from, own.tied_to),
        ),
        ("chances of first place", lambda it, own: _near(it["chance_of_first"], own)),
    )
    for what, holds in checks:
        wrong = [it["name"] for it in published if not holds(it, anew[it["enrollment_id"]])]
        otherwise = f"not those of {', '.join(wrong)}"
        verdict.check(f"{what} are those of the private part", not wrong, otherwise)


def _near(published: float | None, own: Ranked) -> bool:
    if published is None or own.chance_of_first is None:
        return published is own.chance_of_first
    return abs(published - own.chance_of_first) <= CHANCE_TOLERANCE


def _check_prizes(verdict: Verdict, evidence: Mapping[str, Any]) -> None:
    """Share the prizes anew, by the ties as they were ranked."""
    prizes = [money.parse(it) for it in evidence["prizes"]]
    published = sorted(evidence["entries"], key=lambda it: int(it["place"]))
    shared = share_prizes(prizes, [_band(it) for it in published], Ties(evidence["ties"]))
    wrong = [
        f"{it['name']} has {it['prize']}, not {money.render(share)}"
        for it, share in zip(published, shared, strict=True)
        if money.parse(it["prize"]) != share
    ]
    verdict.check("prizes are those of the places and ties", not wrong, "; ".join(wrong))


def _check_board(
    verdict: Verdict,
    market: Marketplace,
    path: str,
    decisions: Sequence[Mapping[str, Any]],
    evidence: Mapping[str, Any],
) -> None:
    """Follow what was decided in public since the ranking, up to the board as it stands."""
    ranked = [(it["enrollment_id"], _band(it)) for it in evidence["entries"]]
    orders = [it["winners"] for it in decisions if it["action"] in ORDERING]
    rows = {it["enrollment_id"]: it for it in market.all_of(f"{path}/leaderboard", part="final")}
    known = {it for it, _ in ranked}.union(*orders)
    out = {it for it in known - rows.keys() if _is_disqualified(market, path, it)}
    placed = order_now(ranked, orders, out, by_hand=False)
    prizes = [money.parse(it) for it in evidence["prizes"]]
    ties = Ties.ORDER if orders else Ties(evidence["ties"])
    shared = share_prizes(prizes, [band for _, band in placed], ties)
    made = {
        it: (band.place, money.render(prize))
        for (it, band), prize in zip(placed, shared, strict=True)
    }
    published = {it: (row["rank"], row["prize"]) for it, row in rows.items()}
    names = {it["enrollment_id"]: it["name"] for it in [*evidence["entries"], *rows.values()]}
    wrong = [str(names.get(it, it)) for it in made | published if made.get(it) != published.get(it)]
    since = f"{len(decisions)} decision{'s' * (len(decisions) != 1)} made in public"
    what = "the board follows from the ranking" + (f" and {since}" if decisions else "")
    verdict.check(what, not wrong, f"not as for {', '.join(wrong)}")


def _is_disqualified(market: Marketplace, path: str, entry: str) -> bool:
    found: Mapping[str, Any] = market.ask("GET", f"{path}/enrollments/{quote(entry, safe='')}")
    return bool(found["state"] == "disqualified")


def _band(published: Mapping[str, Any]) -> Band:
    return Band(published["place"], published["tied_from"], published["tied_to"])
