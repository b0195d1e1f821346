"""What cdk-nag finds and we do otherwise, each with its reason.

Whatever else it finds ends `make aws`.
"""

from typing import TYPE_CHECKING, Final

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from constructs import IConstruct

if TYPE_CHECKING:
    from deploy.aws.foundation import Foundation
    from deploy.aws.market import Market
    from deploy.aws.sizes import Size

ADDRESSES: Final = (
    "Such logs hold addresses of people, and paths with codes in them; the marketplace promises to "
    "log neither. It logs requests itself, by their ids."
)
ROTATION: Final = (
    "Processes read it when they start, and hold connections: a rotation that comes by itself "
    "would cut all of them off at once. It is changed by hand, as docs/operations/aws.md says."
)
PORTS: Final = "It has no address outside, and security groups say who reaches it: not an odd port."
SMALL: Final = "The smallest size has one of it, for its price: docs/operations/aws.md says so."
OBJECTS: Final = "All objects of one bucket, or of one folder of it: their names are made later."


def acknowledge(foundation: "Foundation", market: "Market", size: "Size") -> None:
    """Tell cdk-nag of each exception, at the construct that it is about."""
    _except(foundation.vpc, "VPC7", ADDRESSES)
    for bucket in (foundation.artifacts, foundation.blobs):
        _except(bucket, "S1", ADDRESSES)
    _except(market.balancer, "ELB2", ADDRESSES)
    _except(
        foundation.balancer_group,
        "EC23",
        "Everybody may come to the load balancer, by http (which leads to https) and by https.",
    )
    for kind, role in foundation.roles.items():
        _except(
            role,
            "IAM5[Resource::*]",
            "What Session Manager and Run Command take cannot be narrowed to a resource.",
        )
        _except(role, f"IAM5[Resource::<{_name(foundation.artifacts)}.Arn>/releases/*]", OBJECTS)
        if kind != "chain":
            _except(role, f"IAM5[Resource::<{_name(foundation.blobs)}.Arn>/*]", OBJECTS)
    for secret in (
        *(foundation.valkey_token, foundation.database_secret),
        *(foundation.database.node.find_child("Secret"), foundation.settings),
        *(foundation.api_keys, foundation.worker_keys),
    ):
        _except(secret, "SMG4", ROTATION)
    _except(foundation.database, "RDS11", PORTS)
    _except(foundation.valkey, "AEC5", PORTS)
    if not size.database.standby:
        _except(foundation.database, "RDS3", SMALL)
    if size.valkey.nodes == 1:
        _except(foundation.valkey, "AEC4", SMALL)
    for machines in market.machines.values():
        _except(
            machines,
            "AS3",
            "A mail for each machine that comes or goes is one that nobody reads: alarms tell "
            "where there are too few.",
        )


def _except(construct: IConstruct, rule: str, reason: str) -> None:
    Validations.of(construct).acknowledge(
        Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
    )


def _name(construct: IConstruct) -> str:
    """What the template calls it."""
    resource = construct.node.default_child
    assert isinstance(resource, CfnElement)
    return str(Stack.of(construct).resolve(resource.logical_id))
