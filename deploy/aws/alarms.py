"""Alarms of what AWS itself sees. What only we know, `deploy/monitoring/alerts.yml` tells."""

from typing import TYPE_CHECKING, Final

from aws_cdk import (
    Aws,
    CfnResource,
    Duration,
    aws_cloudwatch as cloudwatch,
    aws_cloudwatch_actions as actions,
    aws_elasticloadbalancingv2 as elb,
    aws_iam as iam,
    aws_sns as sns,
    aws_sns_subscriptions as subscriptions,
)

if TYPE_CHECKING:
    from deploy.aws.market import Market

MINUTE: Final = Duration.minutes(1)
FIVE: Final = Duration.minutes(5)
GIB: Final = 1 << 30
OF_AWS: Final = "docs/operations/aws.md#when-an-alarm-rings"


def watch(market: "Market") -> sns.Topic:
    """Make the alarms of a marketplace. Return the topic that carries them to people."""
    topic = sns.Topic(market, "Alarms", enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["sns:Publish"],
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    topic.add_subscription(subscriptions.EmailSubscription(market.email))
    size, base = market.size, market.foundation
    balancer, target = market.balancer.metrics, market.target.metrics
    database = base.database
    codes = elb.HttpCodeTarget.TARGET_5XX_COUNT

    def alarm(
        name: str,
        metric: cloudwatch.IMetric,
        above: float,
        periods: int = 3,
        *,
        below: bool = False,
        page: str = "",
    ) -> cloudwatch.Alarm:
        """Ring where a metric is above (or below) for so many periods; a page says what to do."""
        operators = cloudwatch.ComparisonOperator
        made = cloudwatch.Alarm(
            market,
            name,
            alarm_description=page or f"docs/runbooks/{name}.md",
            metric=metric,
            threshold=above,
            evaluation_periods=periods,
            comparison_operator=operators.LESS_THAN_THRESHOLD
            if below
            else operators.GREATER_THAN_THRESHOLD,
            # Nothing is counted where nobody asks; of what has to be there, no word is bad.
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING
            if below
            else cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        made.add_alarm_action(actions.SnsAction(topic))
        made.add_ok_action(actions.SnsAction(topic))
        return made

    healthy = target.healthy_host_count(period=MINUTE, statistic="Minimum")
    alarm("MarketplaceDown", healthy, 1, 2, below=True)
    alarm("RequestsFail", target.http_code_target(codes, period=FIVE, statistic="Sum"), 20, 2)
    balancer_fails = balancer.http_code_elb(
        elb.HttpCodeElb.ELB_5XX_COUNT, period=FIVE, statistic="Sum"
    )
    alarm("RequestsFailBeforeTheApi", balancer_fails, 20, 2, page="docs/runbooks/RequestsFail.md")
    alarm("RequestsSlow", target.target_response_time(period=FIVE, statistic="p95"), 1)
    for kind, name in (("worker", "NoWorker"), ("chain", "ChainHalted")):
        group = market.machines[kind].auto_scaling_group_name
        running = cloudwatch.Metric(
            namespace="AWS/AutoScaling",
            metric_name="GroupInServiceInstances",
            dimensions_map={"AutoScalingGroupName": group},
            period=MINUTE,
            statistic="Minimum",
        )
        made = alarm(name, running, 1, 5, below=True)
        if kind == "chain":
            resource = made.node.default_child
            assert isinstance(resource, CfnResource)
            resource.cfn_options.condition = market.with_chain
    room = database.metric_free_storage_space(period=FIVE, statistic="Minimum")
    alarm("DatabaseFull", room, size.database.storage_gib * GIB / 10, below=True, page=OF_AWS)
    alarm("DatabaseBusy", database.metric_cpu_utilization(period=FIVE), 85, page=OF_AWS)
    memory = database.metric_freeable_memory(period=FIVE, statistic="Minimum")
    alarm("DatabaseShortOfMemory", memory, GIB / 8, below=True, page=OF_AWS)
    alarm(
        "ConnectionsShort",
        database.metric_database_connections(period=MINUTE, statistic="Maximum"),
        0.9 * size.database.max_connections,
    )
    valkey = cloudwatch.Metric(
        namespace="AWS/ElastiCache",
        metric_name="EngineCPUUtilization",
        dimensions_map={"CacheClusterId": f"{base.valkey.ref}-001"},
        period=MINUTE,
        statistic="Average",
    )
    alarm("ValkeyAway", valkey, 0, 5, below=True)
    return topic
