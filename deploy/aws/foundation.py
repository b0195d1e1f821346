"""What stays: network, database, files, keys, secrets, and who may do what.

It is made before any release is, and deleting the stack leaves data and keys where they are.
"""

from typing import Final

from aws_cdk import (
    BootstraplessSynthesizer,
    CfnOutput,
    CfnTag,
    Duration,
    RemovalPolicy,
    Stack,
    aws_ec2 as ec2,
    aws_elasticache as elasticache,
    aws_iam as iam,
    aws_kms as kms,
    aws_logs as logs,
    aws_rds as rds,
    aws_s3 as s3,
    aws_secretsmanager as secretsmanager,
)
from constructs import Construct

from deploy.aws.sizes import Size

KINDS: Final = ("admin", "api", "worker", "chain")
API_PORT: Final = 8000  # As `DML_PORT` has it.
# An address of a database is made of it: it has no character that means something there.
PASSWORD: Final = secretsmanager.SecretStringGenerator(
    password_length=40, exclude_punctuation=True, include_space=False
)
RETENTION: Final = {
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
# What Session Manager and Run Command take. None of these can be narrowed to a resource.
MANAGED: Final = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
)


class Foundation(Stack):
    """Network, data, keys and roles of one marketplace."""

    def __init__(self, scope: Construct, name: str, size: Size) -> None:
        super().__init__(scope, name, synthesizer=BootstraplessSynthesizer())
        self.size = size
        self.vpc = self._network()
        self.balancer_group, self.groups = self._groups()
        self.roles = {kind: self._role(kind) for kind in KINDS}
        self.artifacts, self.blobs = self._bucket("Artifacts"), self._bucket("Blobs")
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            retention=RETENTION[size.log_days],
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.valkey_token = secretsmanager.Secret(
            self, "ValkeyToken", generate_secret_string=PASSWORD
        )
        self.database, self.database_secret, self.master_secret = self._database()
        self.valkey = self._valkey()
        # Made empty: `machine/first.py` fills the keys, an operator the settings.
        self.api_keys = self._empty_secret("ApiKeys", "What APIs sign and open with")
        self.worker_keys = self._empty_secret("WorkerKeys", "What opens hidden test sets")
        self.settings = self._empty_secret("Settings", "Settings DML_… as JSON, secret or not")
        self.payout_key = self._payout_key()
        self._allow()
        for what, value in {
            "ArtifactsBucket": self.artifacts.bucket_name,
            "BlobsBucket": self.blobs.bucket_name,
            "SettingsSecret": self.settings.ref,
            "PayoutKey": self.payout_key.key_id,
            "DatabaseInstance": self.database.instance_identifier,
        }.items():
            CfnOutput(self, f"{what}Name", value=value)

    def _network(self) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Network",
            ip_addresses=ec2.IpAddresses.cidr("10.84.0.0/16"),
            max_azs=2,
            nat_gateways=self.size.nat_gateways,
            restrict_default_security_group=False,  # That takes a function; nothing is in it.
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=24,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name="Machines",
                    subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS,
                    cidr_mask=20,
                ),
                ec2.SubnetConfiguration(
                    name="Data", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                ),
            ],
        )
        vpc.add_gateway_endpoint("Files", service=ec2.GatewayVpcEndpointAwsService.S3)
        return vpc

    def _groups(self) -> tuple[ec2.SecurityGroup, dict[str, ec2.SecurityGroup]]:
        """Who may reach whom: the world the balancer, that the APIs, and nobody the others."""
        balancer = ec2.SecurityGroup(self, "BalancerGroup", vpc=self.vpc, allow_all_outbound=False)
        for port in (80, 443):
            balancer.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port))
        groups = {}
        for kind in KINDS:
            group = ec2.SecurityGroup(
                self, f"{kind.capitalize()}Group", vpc=self.vpc, allow_all_outbound=False
            )
            # AWS itself, webhooks, nodes of the chain, providers of accounts, who hears of bugs.
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))
            groups[kind] = group
        for port in (465, 587):
            groups["worker"].add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port))
        groups["api"].connections.allow_from(balancer, ec2.Port.tcp(API_PORT))
        return balancer, groups

    def _role(self, kind: str) -> iam.Role:
        role = iam.Role(
            self,
            f"{kind.capitalize()}Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
        )
        role.add_to_policy(iam.PolicyStatement(actions=list(MANAGED), resources=["*"]))
        return role

    def _bucket(self, name: str) -> s3.Bucket:
        return s3.Bucket(
            self,
            name,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(
                    # docs/decisions/0067: uploads in parts that nobody goes on with.
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                    # As long as the database can go back, so that rows find their files again.
                    noncurrent_version_expiration=Duration.days(self.size.database.backup_days + 1),
                )
            ],
        )

    def _empty_secret(self, name: str, told: str) -> secretsmanager.CfnSecret:
        made = secretsmanager.CfnSecret(self, name, description=told)
        made.apply_removal_policy(RemovalPolicy.RETAIN)
        return made

    def _database(
        self,
    ) -> tuple[rds.DatabaseInstance, secretsmanager.Secret, secretsmanager.ISecret]:
        """PostgreSQL 18, which takes TLS alone; the secret of our user there, and its owner's."""
        size = self.size.database
        engine = rds.DatabaseInstanceEngine.postgres(
            version=rds.PostgresEngineVersion.of("18", "18")
        )
        group = ec2.SecurityGroup(self, "DatabaseGroup", vpc=self.vpc, allow_all_outbound=False)
        made = rds.DatabaseInstance(
            self,
            "Database",
            security_groups=[group],
            engine=engine,
            instance_type=ec2.InstanceType(size.machine),
            database_name="dml",
            credentials=rds.Credentials.from_username(
                "dml_owner", exclude_characters=" %+~`#$&*()|[]{}:;<>?!'/@\"\\,=^"
            ),
            vpc=self.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            multi_az=size.standby,
            allocated_storage=size.storage_gib,
            max_allocated_storage=size.storage_gib_max,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            backup_retention=Duration.days(size.backup_days),
            copy_tags_to_snapshot=True,
            deletion_protection=True,
            removal_policy=RemovalPolicy.SNAPSHOT,
            auto_minor_version_upgrade=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            cloudwatch_logs_exports=["postgresql"],
            parameter_group=rds.ParameterGroup(
                self,
                "DatabaseParameters",
                engine=engine,
                parameters={
                    "rds.force_ssl": "1",
                    "max_connections": str(size.max_connections),
                },
            ),
        )
        for kind in KINDS:
            made.connections.allow_default_port_from(self.groups[kind])
        ours = secretsmanager.Secret(self, "DatabasePassword", generate_secret_string=PASSWORD)
        assert made.secret
        return made, ours, made.secret

    def _valkey(self) -> elasticache.CfnReplicationGroup:
        """Valkey, which takes TLS and a token alone. It counts limits: nothing in it is kept."""
        size = self.size.valkey
        group = ec2.SecurityGroup(self, "ValkeyGroup", vpc=self.vpc, allow_all_outbound=False)
        for kind in KINDS:
            group.connections.allow_from(self.groups[kind], ec2.Port.tcp(6379))
        subnets = elasticache.CfnSubnetGroup(
            self,
            "ValkeySubnets",
            description="Where Valkey is",
            subnet_ids=self.vpc.select_subnets(
                subnet_type=ec2.SubnetType.PRIVATE_ISOLATED
            ).subnet_ids,
        )
        two = size.nodes > 1
        return elasticache.CfnReplicationGroup(
            self,
            "Valkey",
            replication_group_description="Limits of the marketplace",
            engine="valkey",
            engine_version="8.1",
            cache_node_type=size.machine,
            num_cache_clusters=size.nodes,
            automatic_failover_enabled=two,
            multi_az_enabled=two,
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            auth_token=self.valkey_token.secret_value.unsafe_unwrap(),  # A reference to it.
            security_group_ids=[group.security_group_id],
            cache_subnet_group_name=subnets.ref,
            auto_minor_version_upgrade=True,
            tags=[CfnTag(key="Name", value=f"{self.stack_name}-valkey")],
        )

    def _payout_key(self) -> kms.Key:
        """The key that pays out. It never leaves KMS, and signs for the chain process alone."""
        chain, admin = self.roles["chain"].role_arn, self.roles["admin"].role_arn
        key = kms.Key(
            self,
            "PayoutKey",
            description="Signs payouts of the marketplace",
            key_spec=kms.KeySpec.ECC_SECG_P256K1,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            pending_window=Duration.days(30),
            removal_policy=RemovalPolicy.RETAIN,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["kms:GetPublicKey", "kms:Sign"],
                principals=[iam.ArnPrincipal(chain)],
                resources=["*"],  # In a key's policy: this key.
            )
        )
        # It tells the address that the vault is made with.
        key.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["kms:GetPublicKey"],
                principals=[iam.ArnPrincipal(admin)],
                resources=["*"],
            )
        )
        # Whatever policies of the account allow: not administrators, not other machines.
        key.add_to_resource_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=["kms:Sign", "kms:CreateGrant"],
                principals=[iam.AnyPrincipal()],
                resources=["*"],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": chain}},
            )
        )
        return key

    def _allow(self) -> None:
        """Give each kind of machine what it needs, and nothing else (docs/decisions/0084)."""
        shared = [
            self.database_secret.secret_arn,
            self.valkey_token.secret_arn,
            self.settings.ref,
        ]
        secrets = {
            "admin": [self.master_secret.secret_arn, self.api_keys.ref, self.worker_keys.ref],
            "api": [self.api_keys.ref],
            "worker": [self.worker_keys.ref],
            "chain": [],
        }
        objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        for kind, role in self.roles.items():
            allow = role.add_to_policy
            allow(
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"], resources=[*shared, *secrets[kind]]
                )
            )
            allow(
                iam.PolicyStatement(
                    actions=["s3:GetObject"],
                    resources=[self.artifacts.arn_for_objects("releases/*")],
                )
            )
            allow(
                iam.PolicyStatement(
                    actions=[
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    resources=[self.log_group.log_group_arn],
                )
            )
            if kind != "chain":
                allow(
                    iam.PolicyStatement(
                        actions=objects, resources=[self.blobs.arn_for_objects("*")]
                    )
                )
                allow(
                    iam.PolicyStatement(
                        actions=["s3:ListBucket"], resources=[self.blobs.bucket_arn]
                    )
                )
        self.roles["admin"].add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:PutSecretValue"],
                resources=[self.api_keys.ref, self.worker_keys.ref],
            )
        )
