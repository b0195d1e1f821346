"""Images, compose and Kubernetes: what they set is a setting, what they run is a command, and what
they name is there. No engine is needed; what a build makes is looked at in `test_images.py`.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.main import get_command

from dml.core.settings import Settings
from dml.entrypoints.cli.main import app
from dml.entrypoints.safety import faults_of
from dml.entrypoints.settings_read import require_known

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKER: Final = ROOT / "deploy" / "docker"
KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
DOCKERFILES: Final = (DOCKER / "Dockerfile", DOCKER / "agent.Dockerfile")
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
OURS: Final = {
    name: it for name, it in COMPOSE["services"].items() if it["image"].startswith("dml:")
}
PINNED: Final = re.compile(r"@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+[\w.-]*$")
COMMAND: Final = get_command(app)
# Of the program beside which it stands; read there, and by nothing of ours.
OF_THE_PROXY: Final = {"DML_DOMAIN"}


def manifests() -> list[dict[str, Any]]:
    files = sorted(it for it in KUBERNETES.glob("*.yaml") if it.name != "kustomization.yaml")
    return [made for it in files for made in yaml.safe_load_all(it.read_text())]


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for made in manifests():
        if made["kind"] in ("Deployment", "Job"):
            yield made["metadata"]["name"], made["spec"]["template"]["spec"]


def has_command(arguments: list[str]) -> bool:
    """Whether `dml` has this command; options are the command's own."""
    command: Any = COMMAND
    for word in arguments:
        if word.startswith("-"):
            break
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            return False
    return not hasattr(command, "commands")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_is_made_of_what_is_there_locked_and_run_by_nobody_in_particular(
    path: Path,
) -> None:
    text = path.read_text()
    base = re.search(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
    assert base
    assert re.search(r"@sha256:[0-9a-f]{64}$", base[1])
    assert all(it == "${BASE}" for it in re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source
    for installs in re.findall(r"pip install ([^&\n]+)", text):
        assert "--require-hashes" in installs or "--no-index" in installs
    assert "index-url" not in text
    final = text.rpartition("FROM ${BASE}")[2]
    assert re.search(r"^USER \d+:\d+$", final, re.MULTILINE)
    assert "gcc" not in text
    assert "build-essential" not in text
    assert 'image.version="${RELEASE}"' in final
    entry = re.search(r"^ENTRYPOINT (\[.*\])\nCMD (\[.*\])$", final, re.MULTILINE)
    assert entry
    assert has_command((yaml.safe_load(entry[1]) + yaml.safe_load(entry[2]))[1:])


def test_what_images_are_built_of_reaches_the_builder() -> None:
    let_in = (ROOT / ".dockerignore").read_text()
    for path in DOCKERFILES:
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", path.read_text(), re.MULTILINE):
            for source in line.split():
                top = "requirements/*.txt" if source.startswith("requirements") else source
                assert f"\n!{top}" in let_in, source


def test_both_images_stand_on_the_same() -> None:
    bases = {re.findall(r"^ARG BASE=(\S+)$", it.read_text(), re.MULTILINE)[0] for it in DOCKERFILES}
    assert len(bases) == 1


def test_images_that_are_pulled_are_pinned() -> None:
    for name, it in COMPOSE["services"].items():
        image = it["image"].partition("${")[0]
        assert name in OURS or PINNED.search(image), image


def test_compose_sets_nothing_that_is_no_setting() -> None:
    for it in OURS.values():
        variables = dict.fromkeys(it.get("environment", {}), "")
        require_known(variables)
        secrets = it.get("secrets", [])
        require_known({name: "" for name in secrets if name.startswith("dml_")})
        assert set(secrets) <= COMPOSE["secrets"].keys()
    text = (DOCKER / "compose.yaml").read_text() + (DOCKER / "Caddyfile").read_text()
    named = set(re.findall(r"\$\{?(DML_\w+)", text)) - OF_THE_PROXY - {"DML_RELEASE"}
    require_known(dict.fromkeys(named, ""))
    example = (DOCKER / ".env.example").read_text()
    assert set(re.findall(r"^#? ?(DML_\w+)=", example, re.MULTILINE)) >= {
        "DML_RELEASE",
        "DML_DOMAIN",
    }


def test_compose_runs_commands_that_there_are() -> None:
    for name, it in OURS.items():
        if "entrypoint" not in it:
            assert has_command(it["command"]), name
    script = COMPOSE["services"]["setup"]["command"][0]
    for line in re.findall(r"^dml (.+)$", script, re.MULTILINE):
        assert has_command(line.split()), line


def test_compose_has_all_parts_and_two_of_what_may_fail() -> None:
    commands = [tuple(it.get("command", ())) for it in OURS.values()]
    assert commands.count(("server",)) == 2
    assert commands.count(("worker",)) == 2
    assert commands.count(("chain", "run")) == 1
    published = {name for name, it in COMPOSE["services"].items() if it.get("ports")}
    assert published == {"proxy"}


def test_what_is_ours_runs_without_rights_and_writes_only_where_it_may() -> None:
    for name, it in OURS.items():
        assert it["user"] == "10001:10001", name
        assert it["read_only"], name
        assert it["cap_drop"] == ["ALL"], name
        assert it["security_opt"] == ["no-new-privileges:true"], name
        assert any(where.startswith("/var/lib/dml:") for where in it["tmpfs"]), name
        # Files of counts are named by pids, which all containers count from 1.
        assert not any(":/var/lib/dml" in where for where in it.get("volumes", ())), name


def test_only_who_needs_a_key_has_it() -> None:
    for name, it in OURS.items():
        volumes = {where.partition(":")[0] for where in it.get("volumes", ())}
        assert ("opening" in volumes) == (name == "setup" or name.startswith("worker")), name
        assert ("keys" in volumes) == (name == "setup" or name.startswith("api")), name
        assert ("payout_keystore" in it.get("secrets", ())) == (name == "chain"), name


def test_an_api_of_compose_may_start_in_production() -> None:
    told = {
        name.removeprefix("DML_").lower(): str(value).replace(
            "${DML_DOMAIN:?the name that clients reach it by}", "market.example.org"
        )
        for name, value in OURS["api-1"]["environment"].items()
        if value is not None and name != "DML_SECRETS_DIR"
    }
    here = Settings(**told)  # type: ignore[arg-type] # each is read as from the environment
    assert here.is_production
    assert faults_of(here) == []


def test_the_proxy_asks_the_apis_where_they_listen() -> None:
    caddy = (DOCKER / "Caddyfile").read_text()
    asked = re.search(r"reverse_proxy (.+) \{", caddy)
    assert asked
    apis = {name for name, it in OURS.items() if it.get("command") == ["server"]}
    assert set(asked[1].split()) == {f"{it}:8000" for it in apis}
    assert f"EXPOSE {Settings.model_fields['port'].default}" in DOCKERFILES[0].read_text()


def test_kubernetes_sets_nothing_that_is_no_setting_and_runs_what_there_is() -> None:
    for made in manifests():
        if made["kind"] == "ConfigMap":
            require_known(made["data"])
    for name, pod in pods():
        for container in pod["containers"]:
            require_known({it["name"]: "" for it in container.get("env", ())})
            assert has_command(container["args"]), name


def test_no_pod_of_kubernetes_has_rights_and_each_writes_only_where_it_may() -> None:
    for name, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]
            mounted = {it["name"] for it in container["volumeMounts"]}
            assert mounted == {it["name"] for it in pod["volumes"]}, name


def test_what_kubernetes_names_is_among_its_files() -> None:
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    there = {it.name for it in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == there
    claims = {it["metadata"]["name"] for it in manifests() if it["kind"].endswith("VolumeClaim")}
    for _, pod in pods():
        for volume in pod["volumes"]:
            claim = volume.get("persistentVolumeClaim")
            assert claim is None or claim["claimName"] in claims


def test_kubectl_reads_the_manifests() -> None:
    try:
        made = subprocess.run(
            ["kubectl", "kustomize", str(KUBERNETES)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("no kubectl is installed")
    assert made.returncode == 0, made.stderr
    images = set(re.findall(r"image: (\S+)", made.stdout))
    assert images == {"registry.example.org/dml:0.1.0"}
