"""The templates, deployed into an AWS on this machine (moto's server), and what came to be there.

It runs where `make aws` has installed that server, which starts no machine, and lacks what
`LACKING` and `NOT_TOLD` name: what the templates say of those is looked at in `test_templates.py`.
"""

import base64
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest
import yaml

from tests.deploy.aws.templates import GIVEN, KINDS, ROOT, SIZES, load, without

PYTHON: Final = ROOT / ".venv" / "aws" / "bin" / "python"
SERVE: Final = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
input()
"""
# It fails where something names one of these, so they are left out.
LACKING: Final = ("ElastiCache::", "SecretsManager::", "RDS::DBParameterGroup")
# These it passes over, or makes without saying so.
NOT_TOLD: Final = (
    *("AWS::CloudWatch::Alarm", "AWS::Budgets::Budget", "AWS::AutoScaling::ScalingPolicy"),
    *("AWS::S3::BucketPolicy", "AWS::EC2::SubnetRouteTableAssociation"),
    *("AWS::EC2::SecurityGroupIngress", "AWS::RDS::DBSubnetGroup"),
    *("AWS::SNS::TopicPolicy", "AWS::SNS::Subscription", "AWS::EC2::SecurityGroupEgress"),
)
REGIONS: Final = dict(zip(SIZES, ("eu-central-1", "us-east-1"), strict=True))
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="`make aws` installs an AWS to try")


class Aws:
    """Clients of the server, for a region that nothing else uses, and what was deployed there."""

    def __init__(self, url: str, size: str) -> None:
        self.size, self._url = size, url
        self.templates = {part: _as_it_can(size, part) for part in ("foundation", "market")}

    def client(self, name: str) -> Any:
        return boto3.client(
            name,  # type: ignore[call-overload] # any service
            endpoint_url=self._url,
            region_name=REGIONS[self.size],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def deploy(self, part: str, **parameters: str) -> None:
        self.client("cloudformation").create_stack(
            StackName=f"dml-{part}",
            TemplateBody=yaml.safe_dump(self.templates[part]),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": it} for name, it in parameters.items()
            ],
        )

    def made(self, part: str) -> dict[str, str]:
        """What the stack made: each one's id, by what the template calls it."""
        asked = self.client("cloudformation").describe_stack_resources(StackName=f"dml-{part}")
        found = [it for it in asked["StackResources"] if "PhysicalResourceId" in it]
        return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in found}


def _as_it_can(size: str, part: str) -> dict[str, Any]:
    template = without(load(size, part), LACKING)
    for it in template["Resources"].values():
        if it["Type"] == "AWS::RDS::DBInstance":
            del it["Properties"]["DBParameterGroupName"]  # It reads a group that it made wrongly,
        if it["Type"] == "AWS::KMS::Key":
            del it["Properties"]["Tags"]  # and tags of keys.
    return template


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    command = [str(PYTHON), "-c", SERVE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


@pytest.fixture(scope="module", params=SIZES)
def aws(server: str, request: pytest.FixtureRequest) -> Aws:
    """An AWS in which both stacks of a size were made, one after the other."""
    it = Aws(server, request.param)
    it.deploy("foundation")
    certificate = it.client("acm").request_certificate(DomainName=GIVEN["PublicHost"])
    it.deploy("market", **GIVEN | {"CertificateArn": certificate["CertificateArn"]})
    return it


def test_all_comes_to_be_that_this_aws_can_make(aws: Aws) -> None:
    for part, template in aws.templates.items():
        wanted = {name for name, it in template["Resources"].items() if it["Type"] not in NOT_TOLD}
        assert wanted <= aws.made(part).keys()


def test_machines_start_by_their_template_with_facts_of_the_foundation(aws: Aws) -> None:
    found = aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    made = aws.made("market")
    groups = {it["AutoScalingGroupName"]: it for it in found}
    foundation = aws.made("foundation")
    [blobs] = [
        it for name, it in foundation.items() if name.startswith("Blobs") and "Pol" not in name
    ]
    for kind in KINDS:
        group = groups[made[f"{kind.capitalize()}Machines"]]
        assert group["MinSize"] == len(group["Instances"])
        assert len(group["VPCZoneIdentifier"].split(",")) == 2
        [machine] = aws.client("ec2").describe_instances(
            InstanceIds=[group["Instances"][0]["InstanceId"]]
        )["Reservations"][0]["Instances"]
        assert "PublicIpAddress" not in machine or not machine["PublicIpAddress"]
        told = aws.client("ec2").describe_instance_attribute(
            InstanceId=machine["InstanceId"], Attribute="userData"
        )["UserData"]["Value"]
        script = base64.b64decode(told).decode()
        assert f"\nBUNDLE={GIVEN['Bundle']}\n" in script
        assert f"DML_BLOBS=s3://{blobs}/files\n" in script
        assert f"\nAWS_REGION={REGIONS[aws.size]}\n" in script
        assert "DATABASE_HOST=" in script


def test_only_the_load_balancer_takes_whoever_comes(aws: Aws) -> None:
    groups = aws.client("ec2").describe_security_groups()["SecurityGroups"]
    made = {it: name for name, it in aws.made("foundation").items()}
    open_to_all = {
        (made[it["GroupId"]][:-8], rule["FromPort"])
        for it in groups
        for rule in it["IpPermissions"]
        if it["GroupId"] in made and rule["IpRanges"]
    }
    assert open_to_all == {("BalancerGroup", 80), ("BalancerGroup", 443)}
    asked = {
        made[it["GroupId"]][:-8]: {
            pair["GroupId"] for rule in it["IpPermissions"] for pair in rule["UserIdGroupPairs"]
        }
        for it in groups
        if it["GroupId"] in made
    }
    assert {name: len(it) for name, it in asked.items() if it} == {
        "ApiGroup": 1,
        "DatabaseGroup": len(KINDS),
        "ValkeyGroup": len(KINDS),
    }


def test_apis_alone_are_behind_the_load_balancer(aws: Aws) -> None:
    made = aws.made("market")
    [target] = aws.client("elbv2").describe_target_groups()["TargetGroups"]
    assert target["HealthCheckPath"] == "/readyz"
    behind = aws.client("elbv2").describe_target_health(TargetGroupArn=target["TargetGroupArn"])
    found = aws.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[made["ApiMachines"]]
    )["AutoScalingGroups"][0]
    assert {it["Target"]["Id"] for it in behind["TargetHealthDescriptions"]} == {
        it["InstanceId"] for it in found["Instances"]
    }
    listeners = aws.client("elbv2").describe_listeners(
        LoadBalancerArn=target["LoadBalancerArns"][0]
    )["Listeners"]
    assert {it["Port"]: it["DefaultActions"][0]["Type"] for it in listeners} == {
        80: "redirect",
        443: "forward",
    }


def test_there_are_two_buckets_and_an_encrypted_database(aws: Aws) -> None:
    made = aws.made("foundation")
    buckets = {it["Name"] for it in aws.client("s3").list_buckets()["Buckets"]}
    for name in ("Artifacts", "Blobs"):
        assert buckets & {it for one, it in made.items() if one.startswith(name)}
    [database] = aws.client("rds").describe_db_instances()["DBInstances"]
    assert database["StorageEncrypted"]
    assert database["MultiAZ"] == (aws.size == "standard")
    assert not database["PubliclyAccessible"]


def test_machines_reach_the_world_by_nat_and_data_does_not(aws: Aws) -> None:
    ec2 = aws.client("ec2")
    [network] = [it for it in ec2.describe_vpcs()["Vpcs"] if it["CidrBlock"] == "10.84.0.0/16"]
    own = [{"Name": "vpc-id", "Values": [network["VpcId"]]}]
    ways = Counter(
        next(
            (
                "by a gateway" if "GatewayId" in it else "by NAT"
                for it in table["Routes"]
                if it.get("DestinationCidrBlock") == "0.0.0.0/0"
            ),
            "nowhere",
        )
        for table in ec2.describe_route_tables(Filters=own)["RouteTables"]
    )
    # One for each subnet, and the network's own, which no subnet goes by.
    assert ways == {"by a gateway": 2, "by NAT": 2, "nowhere": 2 + 1}
