"""What the templates for AWS say: who reaches, reads, signs and pays what. No AWS is needed.

They are made by `make aws`, which also has cdk-nag and cfn-lint look at them.
"""

import math
import re
from typing import Any, Final

import pytest

from deploy.aws import sizes
from deploy.aws.sources import STAMP, stamp
from dml.core.settings import Settings
from dml.entrypoints import connection_budget
from dml.entrypoints.safety import faults_of
from dml.entrypoints.settings_read import require_known
from tests.deploy.aws.templates import (
    KINDS,
    ROOT,
    SIZES,
    TEMPLATES,
    block,
    load,
    resources,
    user_data,
)

each_size = pytest.mark.parametrize("size", SIZES)
ANY_SERVER: Final = "0.0.0.0/0"


def statements(template: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What each kind of machine may do."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, policy in resources(template, "IAM::Policy").items():
        [kind] = [it for it in KINDS if name.lower().startswith(it)]
        found[kind] = policy["Properties"]["PolicyDocument"]["Statement"]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def name_of(resource: Any) -> str:
    """What a resource of a policy is called in the template, without its digits at the end."""
    if resource == "*":
        return "*"
    while isinstance(resource, dict):
        [(how, told)] = resource.items()
        resource = told if how == "Ref" else told[0] if how == "Fn::GetAtt" else told[1][0]
    return re.sub(r"[0-9A-F]{8}$", "", str(resource))


def test_templates_are_made_of_these_sources() -> None:
    assert (TEMPLATES / STAMP).read_text().strip() == stamp(), "run `make aws`"
    assert {it.stem for it in TEMPLATES.glob("*.yaml")} == {
        f"{size}-{part}" for size in SIZES for part in ("foundation", "market")
    }


@each_size
def test_the_first_stack_needs_no_bucket_to_be_made_from(size: str) -> None:
    assert (TEMPLATES / f"{size}-foundation.yaml").stat().st_size < 51_200


@each_size
@pytest.mark.parametrize("kind", KINDS)
def test_a_machine_is_told_settings_that_there_are_and_nothing_secret(size: str, kind: str) -> None:
    told = user_data(size, kind)
    assert len(told) < 16_384
    assert len(told.splitlines()) < 50
    assert "resolve:" not in told
    facts = block(told, "/etc/dml/machine")
    assert all(it.startswith("<dml-f") for name, it in facts.items() if name.endswith("_SECRET"))
    settings = block(told, "/etc/dml/environment")
    require_known(settings)
    read = {
        name.removeprefix("DML_").lower(): re.sub("<.*>", "of-aws", it)
        for name, it in settings.items()
        if name != "DML_SECRETS_DIR"
    }
    if kind == "api":
        read["trusted_proxies"] = "10.84.0.0/16"
    here = Settings(**read)  # type: ignore[arg-type] # each is read as from the environment
    assert here.is_production
    assert faults_of(here, starts_a_chain=here.local_chain) == []


@each_size
def test_only_who_needs_a_key_may_read_it(size: str) -> None:
    may: dict[str, set[str]] = {}
    writes: dict[str, set[str]] = {}
    for kind, policy in statements(load(size, "foundation")).items():
        for it in policy:
            found = {name_of(one) for one in listed(it["Resource"])}
            if listed(it["Action"]) == ["secretsmanager:GetSecretValue"]:
                may[kind] = found
            if "secretsmanager:PutSecretValue" in listed(it["Action"]):
                writes[kind] = found
    shared = {"DatabasePassword", "ValkeyToken", "Settings"}
    assert may == {
        "admin": shared | {"DatabaseSecretAttachment", "ApiKeys", "WorkerKeys"},
        "api": shared | {"ApiKeys"},
        "worker": shared | {"WorkerKeys"},
        "chain": shared,
    }
    assert writes == {"admin": {"ApiKeys", "WorkerKeys"}}
    for kind in KINDS:  # And what it may read is what it is told of.
        facts = block(user_data(size, kind), "/etc/dml/machine")
        assert sum(it.endswith("_SECRET") for it in facts) == len(may[kind])


@each_size
def test_files_are_for_who_serves_and_works_and_releases_for_all(size: str) -> None:
    for kind, policy in statements(load(size, "foundation")).items():
        actions = {it for one in policy for it in listed(one["Action"]) if it.startswith("s3:")}
        buckets = {
            name_of(it)
            for one in policy
            for it in listed(one["Resource"])
            if str(listed(one["Action"])[0]).startswith("s3:")
        }
        if kind == "chain":
            assert (actions, buckets) == ({"s3:GetObject"}, {"Artifacts"})
        else:
            assert buckets == {"Artifacts", "Blobs"}
            assert "s3:DeleteObject" in actions
        [releases] = [it for it in policy if listed(it["Action"]) == ["s3:GetObject"]]
        assert releases["Resource"]["Fn::Join"][1][1] == "/releases/*"


@each_size
def test_the_chain_process_alone_signs_payouts(size: str) -> None:
    template = load(size, "foundation")
    assert not [
        action
        for policy in statements(template).values()
        for it in policy
        for action in listed(it["Action"])
        if action.startswith(("kms:", "iam:", "sts:"))
    ]
    [key] = resources(template, "KMS::Key").values()
    assert key["Properties"]["KeySpec"] == "ECC_SECG_P256K1"
    assert key["DeletionPolicy"] == "Retain"
    policy = key["Properties"]["KeyPolicy"]["Statement"]
    denied = [it for it in policy if it["Effect"] == "Deny"]
    [(signs, who)] = [
        (it["Action"], it["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]) for it in denied
    ]
    assert {"kms:Sign", "kms:CreateGrant"} == set(signs)
    assert name_of(who) == "ChainRole"
    allowed = [it for it in policy if "kms:Sign" in listed(it["Action"]) and it not in denied]
    assert [name_of(it["Principal"]["AWS"]) for it in allowed] == ["ChainRole"]


@each_size
def test_the_world_reaches_the_load_balancer_and_nothing_else(size: str) -> None:
    template = load(size, "foundation")
    for name, group in resources(template, "EC2::SecurityGroup").items():
        ingress = [it.get("CidrIp") for it in group["Properties"].get("SecurityGroupIngress", ())]
        assert bool(ingress) == name.startswith("BalancerGroup"), name
        assert "-1" not in [
            it["IpProtocol"]
            for it in group["Properties"].get("SecurityGroupEgress", ())
            if it["CidrIp"] == ANY_SERVER
        ]
    pairs = {
        (
            name_of(it["Properties"]["SourceSecurityGroupId"]),
            name_of(it["Properties"]["GroupId"]),
        )
        for it in resources(template, "EC2::SecurityGroupIngress").values()
    }
    machines = [f"{kind.capitalize()}Group" for kind in KINDS]
    servers = ("DatabaseGroup", "ValkeyGroup")
    assert pairs == {("BalancerGroup", "ApiGroup")} | {
        (machine, server) for machine in machines for server in servers
    }
    market = load(size, "market")
    assert not resources(market, "EC2::SecurityGroupIngress")
    assert not resources(market, "EC2::SecurityGroup")


@each_size
def test_what_is_kept_is_encrypted_private_and_reached_by_tls_alone(size: str) -> None:
    template = load(size, "foundation")
    for bucket in resources(template, "S3::Bucket").values():
        said = bucket["Properties"]
        assert set(said["PublicAccessBlockConfiguration"].values()) == {True}
        assert said["VersioningConfiguration"] == {"Status": "Enabled"}
        assert said["BucketEncryption"]
        assert bucket["DeletionPolicy"] == "Retain"
    for policy in resources(template, "S3::BucketPolicy").values():
        assert [
            it["Effect"]
            for it in policy["Properties"]["PolicyDocument"]["Statement"]
            if it["Condition"].get("Bool") == {"aws:SecureTransport": "false"}
        ] == ["Deny"]
    [database] = [it["Properties"] for it in resources(template, "RDS::DBInstance").values()]
    assert database["StorageEncrypted"]
    assert not database["PubliclyAccessible"]
    assert database["DeletionProtection"]
    assert database["EngineVersion"].startswith("18")
    assert database["BackupRetentionPeriod"] >= 7
    assert database["MultiAZ"] == (size == "standard")
    [parameters] = resources(template, "RDS::DBParameterGroup").values()
    assert parameters["Properties"]["Parameters"]["rds.force_ssl"] == "1"
    [valkey] = [
        it["Properties"] for it in resources(template, "ElastiCache::ReplicationGroup").values()
    ]
    assert valkey["Engine"] == "valkey"
    assert valkey["TransitEncryptionMode"] == "required"
    assert valkey["AtRestEncryptionEnabled"]
    assert "{{resolve:secretsmanager:" in str(valkey["AuthToken"])


@each_size
def test_machines_have_no_door_but_session_manager(size: str) -> None:
    templates = resources(load(size, "market"), "EC2::LaunchTemplate")
    assert len(templates) == len(KINDS)
    for it in templates.values():
        data = it["Properties"]["LaunchTemplateData"]
        assert data["MetadataOptions"] == {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"}
        assert "KeyName" not in data
        assert all(disk["Ebs"]["Encrypted"] for disk in data["BlockDeviceMappings"])


@each_size
def test_tables_come_first_and_one_machine_after_the_other_says_that_it_serves(size: str) -> None:
    groups = resources(load(size, "market"), "AutoScaling::AutoScalingGroup")
    after = {
        name: {it for it in groups[name].get("DependsOn", ()) if it in groups} for name in groups
    }
    assert after == {
        "AdminMachines": set(),
        "WorkerMachines": {"AdminMachines"},
        "ApiMachines": {"WorkerMachines"},
        "ChainMachines": {"AdminMachines"},
    }
    for name, group in groups.items():
        rolls = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
        assert rolls["WaitOnResourceSignals"]
        assert rolls["MaxBatchSize"] == 1
        assert rolls["MinSuccessfulInstancesPercent"] == 100
        least = int(group["Properties"]["MinSize"])
        assert rolls["MinInstancesInService"] == (0 if name == "AdminMachines" else least)
        assert int(group["Properties"]["MaxSize"]) > least
        assert group["CreationPolicy"]["ResourceSignal"]["Count"] == least
        told = user_data(size, name.removesuffix("Machines").lower())
        assert f"--resource {name}' EXIT" in told


@each_size
def test_the_load_balancer_asks_who_is_ready_and_takes_tls_alone(size: str) -> None:
    template = load(size, "market")
    [target] = [
        it["Properties"]
        for it in resources(template, "ElasticLoadBalancingV2::TargetGroup").values()
    ]
    assert target["HealthCheckPath"] == "/readyz"
    assert target["Port"] == Settings.model_fields["port"].default
    actions = {
        it["Properties"]["Port"]: it["Properties"]["DefaultActions"][0]
        for it in resources(template, "ElasticLoadBalancingV2::Listener").values()
    }
    assert actions[80]["Type"] == "redirect"
    assert actions[443]["Type"] == "forward"
    [rule] = resources(template, "ElasticLoadBalancingV2::ListenerRule").values()
    assert rule["Properties"]["Conditions"][0]["PathPatternConfig"]["Values"] == ["/metrics"]


@each_size
def test_each_alarm_reaches_somebody_and_says_what_to_do(size: str) -> None:
    template = load(size, "market")
    alarms = resources(template, "CloudWatch::Alarm")
    assert len(alarms) >= 10
    for it in alarms.values():
        said = it["Properties"]
        assert said["AlarmActions"]
        page, _, heading = said["AlarmDescription"].partition("#")
        assert (ROOT / page).is_file(), page
        assert (
            not heading
            or f"## {heading.replace('-', ' ').capitalize()}" in (ROOT / page).read_text()
        )
    [topic] = resources(template, "SNS::TopicPolicy").values()
    allowed = [
        it["Principal"]
        for it in topic["Properties"]["PolicyDocument"]["Statement"]
        if it["Effect"] == "Allow"
    ]
    assert allowed == [{"Service": "cloudwatch.amazonaws.com"}]
    assert resources(template, "Budgets::Budget")


@each_size
def test_the_database_has_room_for_all_connections_while_a_release_rolls(size: str) -> None:
    it = sizes.read().size[size]
    pool = int(Settings.model_fields["database_connections"].default)
    kinds = (
        (it.api, connection_budget.OF_API),
        (it.worker, connection_budget.OF_WORKER),
        (it.chain, connection_budget.OF_CHAIN),
    )
    all_of_them = sum(kind.most * kind.processes * (pool + more) for kind, more in kinds)
    admin, kept_by_rds = 2 * pool, 10
    assert all_of_them + admin + kept_by_rds <= it.database.max_connections


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("least = 1", "leest = 1"), r"size\.small\.api: least, leest is missing"),
        (("standby = false", 'standby = "no"'), r"standby is 'no'"),
        (("most = 3", "most = 1"), "room for one more"),
        (("budget_usd = 250\n", ""), "budget_usd is missing"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_their_name(
    change: tuple[str, str], told: str, tmp_path: Any
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(sizes.FILE.read_text().replace(*change))
    with pytest.raises(sizes.WrongSettings, match=told):
        sizes.read(file)


def test_the_price_of_the_smallest_size_adds_up_and_names_its_machines() -> None:
    page = (ROOT / "docs" / "operations" / "aws.md").read_text()
    table = page.partition("## What it costs")[2].partition("## ")[0]
    rows = re.findall(r"^\| (.+) \| ([\d.× ]+) \| ([\d.]+) \|$", table, re.MULTILINE)
    for what, how, month in rows:
        product = math.prod(float(it) for it in how.split("×"))
        assert abs(product - float(month)) <= 0.0051, what
    [stated] = re.findall(r"\*\*([\d.]+)\*\*", table)
    assert f"{sum(float(month) for _, _, month in rows):.2f}" == stated
    assert f"{float(stated):.0f} USD a month" in page
    small = sizes.read().size["small"]
    machines = (small.api, small.worker, small.chain, small.admin, small.valkey)
    assert all(f"`{it.machine}`" in table for it in machines)
    assert f"`db.{small.database.machine}`" in table
    alarms = resources(load("small", "market"), "CloudWatch::Alarm")
    assert f"| alarms | {len(alarms)} ×" in table
    secrets = resources(load("small", "foundation"), "SecretsManager::Secret")
    assert f"| secrets | {len(secrets)} ×" in table
