"""The templates for AWS, as tests read them."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[3]
AWS: Final = ROOT / "deploy" / "aws"
TEMPLATES: Final = AWS / "templates"
MACHINE: Final = AWS / "machine"
KINDS: Final = ("admin", "api", "worker", "chain")
SIZES: Final = ("small", "standard")
GIVEN: Final = {
    "PublicHost": "market.example.org",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/1",
    "AlarmEmail": "operator@example.org",
    "Bundle": "0.1.0-0123456789ab",
    "Digest": "0" * 64,
    "WithChain": "yes",
}


@cache
def load(size: str, part: str) -> dict[str, Any]:
    """Read a template, once for all tests: nobody changes it."""
    text = (TEMPLATES / f"{size}-{part}.yaml").read_text()
    read: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return read


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Resources of one type, as `AWS::S3::Bucket`, by what the template calls them."""
    return {name: it for name, it in template["Resources"].items() if it["Type"] == f"AWS::{kind}"}


def text_of(value: Any) -> str:
    """What a value would be, with `<…>` in the place of what only AWS knows."""
    if not isinstance(value, dict):
        return str(value)
    [(how, told)] = value.items()
    if how == "Fn::Join":
        return str(told[0]).join(text_of(it) for it in told[1])
    if how == "Fn::Base64":
        return text_of(told)
    if how == "Ref" and told in GIVEN:
        return GIVEN[told]
    return f"<{told}>"


def user_data(size: str, kind: str) -> str:
    templates = resources(load(size, "market"), "EC2::LaunchTemplate")
    [one] = [it for name, it in templates.items() if name.startswith(kind.capitalize())]
    return text_of(one["Properties"]["LaunchTemplateData"]["UserData"])


def block(told: str, path: str) -> dict[str, str]:
    """The variables that user data write into a file."""
    begin = told.index(f"cat > {path} <<'END'\n")
    lines = told[begin:].split("\nEND\n")[0].splitlines()[1:]
    return dict(line.split("=", 1) for line in lines)


def without(template: dict[str, Any], lacking: tuple[str, ...]) -> dict[str, Any]:
    """The same, without resources whose type begins so; who names one, is given an ARN."""
    gone = {
        name
        for name, it in template["Resources"].items()
        if it["Type"].removeprefix("AWS::").startswith(lacking)
    }

    def left(value: Any) -> Any:
        if isinstance(value, list):
            return [left(it) for it in value if not isinstance(it, str) or it not in gone]
        if not isinstance(value, dict):
            return value
        named = value.get("Ref") or (value.get("Fn::GetAtt") or [None])[0]
        if len(value) == 1 and isinstance(named, str) and named in gone:
            return f"arn:aws:lacking:eu-central-1:123456789012:{named}"
        return {name: left(it) for name, it in value.items() if name not in gone}

    made: dict[str, Any] = left(template)
    return made
