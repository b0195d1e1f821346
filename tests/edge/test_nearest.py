"""An unknown path names the one that was meant, where one is like it."""

import pytest

from dml.edge.nearest import LENGTH_MAX, nearest
from tests.world import World, problem

TEMPLATES = ("/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/results", "/v1/algorithms")


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/job", "/v1/jobs"),
        ("/v2/jobs", "/v1/jobs"),
        ("/v1/jobs/01987c1e-0000-7000-8000-000000000001/result", "/v1/jobs/{job_id}/results"),
        ("/v1/algorithm", "/v1/algorithms"),
        ("/v1/algoritms", "/v1/algorithms"),
        ("/wp-login.php", None),
        ("/", None),
    ],
)
def test_what_was_meant_is_found(path: str, meant: str | None) -> None:
    assert nearest(path, TEMPLATES) == meant


def test_a_long_path_is_compared_with_nothing() -> None:
    path = "/v1/algorithms" + "s" * LENGTH_MAX
    assert nearest(path, [path]) is None


async def test_the_answer_names_it(world: World) -> None:
    told = problem(await world.client.get("/v1/job"), 404, "http.404")
    assert told["detail"].endswith("Do you mean `/v1/jobs`?")
    told = problem(await world.client.get("/v1/nothing-like-it"), 404, "http.404")
    assert "Do you mean" not in told["detail"]


async def test_who_is_not_signed_in_is_told_how(world: World) -> None:
    told = problem(await world.client.get("/v1/jobs"), 401, "core.not_signed_in")
    for path in ("/v1/users/authenticate", "/v1/users/refresh"):
        assert f"POST {path}" in told["detail"]
