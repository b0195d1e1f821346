"""Make the templates of each size: `make aws` does it, and looks at them.

python -m deploy.aws.app [--check] FOLDER
"""

import json
import sys
import tempfile
from pathlib import Path

import yaml
from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from deploy.aws.exceptions import acknowledge
from deploy.aws.foundation import Foundation
from deploy.aws.market import Market
from deploy.aws.sizes import Size, read
from deploy.aws.sources import STAMP, stamp


def main(arguments: list[str]) -> int:
    """Write the templates into a folder; with `--check`, say which are not what is there."""
    folder = Path(arguments[-1])
    settings = read()
    made = {STAMP: stamp() + "\n"}
    for name, size in settings.size.items():
        for part, template in synthesise(settings.name, size).items():
            made[f"{name}-{part}.yaml"] = template
    if "--check" not in arguments:
        folder.mkdir(exist_ok=True)
        for file, text in made.items():
            (folder / file).write_text(text)
        return 0
    there = {it.name: it.read_text() for it in folder.iterdir()}
    odd = sorted(it for it in made.keys() | there.keys() if made.get(it) != there.get(it))
    if odd:
        print(f"{folder} is not made of these sources: run `make aws` ({', '.join(odd)})")
    return int(bool(odd))


def synthesise(name: str, size: Size) -> dict[str, str]:
    """Return the templates of one size by their names. What cdk-nag finds ends it."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(outdir=folder, analytics_reporting=False)
        foundation = Foundation(app, f"{name}-foundation", size)
        market = Market(app, f"{name}-market", size, foundation)
        Tags.of(app).add("marketplace", name)
        acknowledge(foundation, market, size)
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        app.synth()
        made = {}
        for stack in (foundation, market):
            template = json.loads((Path(folder) / stack.template_file).read_text())
            part = stack.stack_name.removeprefix(f"{name}-")
            made[part] = yaml.safe_dump(template, width=120, allow_unicode=True)
        return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
