"""The comparison that the kill suite rests on: it sees what is wrong, and nothing else."""

from tests.kill.kept_rows import Comparison, Kept, compare_job, compare_pay, compare_rows

A, B, C = "assignment-a", "assignment-b", "assignment-c"


def rows(*kept: Kept, seen: dict[str, str], unsure: dict[str, str] | None = None) -> Comparison:
    found = Comparison()
    compare_rows(found, kept, seen, unsure or {})
    return found


def test_what_was_seen_and_is_kept_is_right() -> None:
    found = rows(Kept(A, "1", True, "ada"), seen={A: "1"})
    assert (found.kept, found.unsure, found.lost, found.twice, found.wrong) == (1, 0, [], [], [])


def test_a_kept_result_whose_answer_was_lost_is_right_if_that_very_body_was_sent() -> None:
    kept = Kept(B, "2", True, "ada")
    found = rows(kept, seen={}, unsure={B: "2"})
    assert (found.unsure, found.lost, found.wrong) == (1, [], [])
    assert len(rows(kept, seen={}, unsure={B: "3"}).wrong) == 1
    assert len(rows(kept, seen={}).wrong) == 1


def test_a_missing_a_changed_and_an_uncounted_result_are_lost() -> None:
    found = rows(
        Kept(B, "other", True, "ada"), Kept(C, "3", False, "ada"), seen={A: "1", B: "2", C: "3"}
    )
    assert [it.split()[1] for it in found.lost] == [A, B, C]


def test_pay_that_differs_is_lost_or_twice() -> None:
    found = Comparison()
    compare_pay(found, {"ada": 2, "bob": 1, "cy": 1}, {"ada": 20, "bob": 20, "eve": 10}, 10)
    assert sorted(it.split()[1] for it in found.twice) == ["bob", "eve"]
    assert [it.split()[1] for it in found.lost] == ["cy"]


def test_a_job_counts_what_it_accepted_and_lacks_as_many_places() -> None:
    found = Comparison()
    compare_job(found, "right", 5, 5, 5)
    assert (found.lost, found.twice, found.wrong) == ([], [], [])
    compare_job(found, "more", 6, 5, 5)
    compare_job(found, "fewer", 4, 5, 5)
    compare_job(found, "leak", 5, 5, 6)
    assert [len(it) for it in (found.twice, found.lost, found.wrong)] == [1, 1, 1]
