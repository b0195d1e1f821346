"""What each release makes anew: machines, the load balancer before them, alarms and a budget.

A release is a name and a digest. CloudFormation brings the admin machine to it first, which
migrates; then workers, APIs and chain processes, machine by machine, each of which says itself that
it serves. Where one does not, all go back (docs/decisions/0084).
"""

from pathlib import Path
from typing import Final

from aws_cdk import (
    Aws,
    BootstraplessSynthesizer,
    CfnCondition,
    CfnOutput,
    CfnParameter,
    CfnResource,
    Duration,
    Fn,
    Stack,
    Tags,
    aws_autoscaling as autoscaling,
    aws_budgets as budgets,
    aws_ec2 as ec2,
    aws_elasticloadbalancingv2 as elb,
)
from constructs import Construct

from deploy.aws.alarms import watch
from deploy.aws.foundation import API_PORT, KINDS, Foundation
from deploy.aws.sizes import Kind, Size

USER_DATA: Final = (Path(__file__).parent / "user_data.sh").read_text()
# How long a machine may take from its start until it serves.
START: Final = Duration.minutes(15)
DISK_GIB: Final = 20


class Market(Stack):
    """The machines of one release."""

    def __init__(self, scope: Construct, name: str, size: Size, foundation: Foundation) -> None:
        super().__init__(scope, name, synthesizer=BootstraplessSynthesizer())
        self.size, self.foundation = size, foundation
        self._ask()
        self.balancer, self.target = self._balancer()
        # Of one there is no other: while it is replaced, nobody migrates.
        admin = Kind(size.admin.machine, 1, 2, 1)
        self.kinds = {"admin": admin, "api": size.api, "worker": size.worker, "chain": size.chain}
        self.machines = {kind: self._machines(kind) for kind in KINDS}
        self.machines["worker"].node.add_dependency(self.machines["admin"])
        # An API is ready only where a worker is.
        self.machines["api"].node.add_dependency(self.machines["worker"])
        self.machines["chain"].node.add_dependency(self.machines["admin"])
        self.machines["api"].attach_to_application_target_group(self.target)
        for kind in ("api", "worker"):
            self.machines[kind].scale_on_cpu_utilization("Busy", target_utilization_percent=60)
        self.topic = watch(self)
        self._budget()
        for resource in self.machines["chain"].node.find_all():
            if isinstance(resource, CfnResource):
                resource.cfn_options.condition = self.with_chain
        CfnOutput(self, "BalancerAddress", value=self.balancer.load_balancer_dns_name)

    def _ask(self) -> None:
        """What differs from place to place and from release to release."""
        self.host = CfnParameter(
            self,
            "PublicHost",
            description="The name that clients reach it by, as market.example.org",
            allowed_pattern=r"[a-z0-9.-]+\.[a-z]+",
        ).value_as_string
        self.certificate = CfnParameter(
            self, "CertificateArn", description="A certificate of ACM for that name, in this region"
        ).value_as_string
        self.email = CfnParameter(
            self, "AlarmEmail", description="Who hears of alarms, and of the budget"
        ).value_as_string
        self.bundle = CfnParameter(
            self,
            "Bundle",
            description="The release: below releases/ in the bucket of artifacts, without .tar",
            allowed_pattern=r"[\w.-]+",
        ).value_as_string
        self.digest = CfnParameter(
            self, "Digest", description="Its SHA-256", allowed_pattern="[0-9a-f]{64}"
        ).value_as_string
        chain = CfnParameter(
            self,
            "WithChain",
            description="Whether settings name a chain, so that processes read it and pay",
            allowed_values=["yes", "no"],
            default="no",
        )
        self.with_chain = CfnCondition(
            self, "HasChain", expression=Fn.condition_equals(chain.value_as_string, "yes")
        )

    def _balancer(self) -> tuple[elb.ApplicationLoadBalancer, elb.ApplicationTargetGroup]:
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self.foundation.vpc,
            internet_facing=True,
            security_group=ec2.SecurityGroup.from_security_group_id(
                self,
                "BalancerGroup",
                self.foundation.balancer_group.security_group_id,
                mutable=False,
            ),
            drop_invalid_header_fields=True,
            idle_timeout=Duration.seconds(120),  # Streams of events say something each 15 s.
        )
        target = elb.ApplicationTargetGroup(
            self,
            "Apis",
            vpc=self.foundation.vpc,
            port=API_PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.INSTANCE,
            load_balancing_algorithm_type=elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
            # One that ends is not asked any more for so long, and then told to end.
            deregistration_delay=Duration.seconds(20),
            health_check=elb.HealthCheck(
                path="/readyz",
                interval=Duration.seconds(10),
                timeout=Duration.seconds(6),
                healthy_threshold_count=2,
                unhealthy_threshold_count=2,
            ),
        )
        balancer.add_redirect()  # From http to https.
        listener = balancer.add_listener(
            "Tls",
            port=443,
            protocol=elb.ApplicationProtocol.HTTPS,
            open=False,
            certificates=[elb.ListenerCertificate.from_arn(self.certificate)],
            ssl_policy=elb.SslPolicy.RECOMMENDED_TLS,
            default_target_groups=[target],
        )
        # What a machine counted is for that machine.
        listener.add_action(
            "Metrics",
            priority=1,
            conditions=[elb.ListenerCondition.path_patterns(["/metrics"])],
            action=elb.ListenerAction.fixed_response(404),
        )
        return balancer, target

    def _machines(self, kind: str) -> autoscaling.AutoScalingGroup:
        """Machines of one kind, of which each says itself whether it serves."""
        many, name = self.kinds[kind], f"{kind.capitalize()}Machines"
        template = ec2.LaunchTemplate(
            self,
            f"{kind.capitalize()}Template",
            machine_image=ec2.MachineImage.latest_amazon_linux2023(),
            instance_type=ec2.InstanceType(many.machine),
            role=self.foundation.roles[kind].without_policy_updates(),
            security_group=ec2.SecurityGroup.from_security_group_id(
                self,
                f"{kind.capitalize()}Group",
                self.foundation.groups[kind].security_group_id,
                mutable=False,
            ),
            user_data=ec2.UserData.custom(self._user_data(kind, name)),
            require_imdsv2=True,
            http_put_response_hop_limit=1,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(
                        DISK_GIB, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
                    ),
                )
            ],
        )
        made = autoscaling.AutoScalingGroup(
            self,
            name,
            vpc=self.foundation.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            launch_template=template,
            min_capacity=many.least,
            max_capacity=many.most,
            signals=autoscaling.Signals.wait_for_min_capacity(timeout=START),
            update_policy=autoscaling.UpdatePolicy.rolling_update(
                max_batch_size=1,
                min_instances_in_service=0 if kind == "admin" else many.least,
                min_success_percentage=100,
                pause_time=START,
                wait_on_resource_signals=True,
            ),
            group_metrics=[autoscaling.GroupMetrics.all()],
        )
        for tagged in (template, made):
            Tags.of(tagged).add("Name", f"{self.foundation.stack_name.partition('-')[0]}-{kind}")
        Tags.of(made).add("kind", kind)  # By which commands find them.
        group = made.node.default_child
        assert isinstance(group, CfnResource)
        group.override_logical_id(name)  # As its machines name it when they signal.
        return made

    def _user_data(self, kind: str, name: str) -> str:
        """Fill in `user_data.sh`: facts for a machine's scripts, settings for its processes."""
        base, size = self.foundation, self.kinds[kind]
        facts = {
            "KIND": kind,
            "PROCESSES": size.processes,
            "AWS_REGION": Aws.REGION,
            "AWS_DEFAULT_REGION": Aws.REGION,
            "ARTIFACTS": base.artifacts.bucket_name,
            "BUNDLE": self.bundle,
            "DIGEST": self.digest,
            "LOG_GROUP": base.log_group.log_group_name,
            "DATABASE_HOST": base.database.db_instance_endpoint_address,
            "VALKEY_HOST": base.valkey.attr_primary_end_point_address,
            "DATABASE_SECRET": base.database_secret.secret_arn,
            "VALKEY_SECRET": base.valkey_token.secret_arn,
            "SETTINGS_SECRET": base.settings.ref,
        }
        secrets = {
            "admin": {
                "MASTER_SECRET": base.master_secret.secret_arn,
                "API_KEYS_SECRET": base.api_keys.ref,
                "WORKER_KEYS_SECRET": base.worker_keys.ref,
            },
            "api": {"API_KEYS_SECRET": base.api_keys.ref},
            "worker": {"WORKER_KEYS_SECRET": base.worker_keys.ref},
            "chain": {},
        }
        settings: dict[str, object] = {
            "DML_ENVIRONMENT": "production",
            "DML_PUBLIC_URL": f"https://{self.host}",
            "DML_LOCAL_CHAIN": "false",
            "DML_BLOBS": f"s3://{base.blobs.bucket_name}/files",
            "DML_BLOBS_REGION": Aws.REGION,
            "DML_SHUTDOWN_SECONDS": 30,
            "DML_HOME": "/var/lib/dml",
            "DML_SECRETS_DIR": "/run/dml",
        }
        if kind in ("admin", "api"):
            settings["DML_KEYS_FILE"] = "/run/dml/keys.json"
            settings["DML_FACTOR_KEY_FILE"] = "/run/dml/factors.key"
        if kind != "chain":  # For APIs, the half that seals lies beside that name.
            settings["DML_SCORER_KEY_FILE"] = "/run/dml/scorer.key"
        if kind == "api":
            settings |= {
                "DML_HOST": "0.0.0.0",  # noqa: S104 # The balancer's group alone reaches it.
                "DML_SHARE_PORT": "true",
                "DML_TRUSTED_PROXIES": base.vpc.vpc_cidr_block,
            }
        if kind == "worker":
            settings["DML_SANDBOXES"] = self.size.worker.sandboxes
        if kind in ("admin", "chain"):
            settings["DML_PAYOUT_KMS_KEY"] = base.payout_key.key_id
        return (
            USER_DATA.replace("@FACTS@", _lines(facts | secrets[kind]))
            .replace("@SETTINGS@", _lines(settings))
            .replace(
                "@SIGNAL@", f"--region {Aws.REGION} --stack {Aws.STACK_NAME} --resource {name}"
            )
        )

    def _budget(self) -> None:
        subscriber = budgets.CfnBudget.SubscriberProperty(
            address=self.email, subscription_type="EMAIL"
        )
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=self.size.budget_usd, unit="USD"
                ),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[subscriber],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )


def _lines(values: dict[str, object]) -> str:
    return "\n".join(f"{name}={value}" for name, value in values.items())
