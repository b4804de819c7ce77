"""Compare what scanners find in the templates with the findings that are accepted, each with its reason.

`python -m scripts.scan policies` prints every IAM policy of a whole stack as JSON, for the linter parliament. `python
-m scripts.scan compare FILE` reads findings (a JSON list of `[tool, rule, place]`), and fails if one is not in
`scripts/scan.yaml`, or if an accepted one is found no more. `scripts/scan.sh` runs all of it.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from local.emulator.template import Template, expand

ROOT = Path(__file__).parents[1]
ACCEPTED = ROOT / "scripts" / "scan.yaml"
REGION, ACCOUNT = "eu-central-1", "123456789012"
PARAMETERS = {
    "EnvironmentName": "prod",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "MachineLogLevel": "ALL",
    "CanaryAddress": "ops@example.com",
    "OwnDocumentArns": f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Mine",
    "ReleaseArns": f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:application:shop",
}
_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{place}:table/ops-Table",
    "AWS::SQS::Queue": "sqs:{place}:ops-{name}",
    "AWS::SNS::Topic": "sns:{place}:ops-{name}",
    "AWS::Lambda::Function": "lambda:{place}:function:ops-{name}",
    "AWS::StepFunctions::StateMachine": "states:{place}:stateMachine:ops-{name}",
}

type Finding = tuple[str, str, str]


def policies() -> dict[str, Any]:
    """Return every IAM policy of a stack with all options on, and the deployer's, with made-up but well-formed ARNs."""
    body = expand(ROOT / "template.yaml", PARAMETERS, REGION)
    kinds = {name: resource["Type"] for name, resource in body["Resources"].items()}

    def attribute(name: str, wanted: str | None) -> str:
        form = _ARNS.get(kinds.get(name, ""), "")
        named = wanted == "Name" or not form
        return f"ops-{name}" if named else "arn:aws:" + form.format(place=f"{REGION}:{ACCOUNT}", name=name)

    pseudo = {
        "Region": REGION,
        "AccountId": ACCOUNT,
        "Partition": "aws",
        "StackName": "ops",
        "URLSuffix": "amazonaws.com",
    }
    pseudo |= {"StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/ops/1"}
    given = {f"AWS::{name}": value for name, value in pseudo.items()}
    template = Template(body, PARAMETERS, pseudo=given, attribute=attribute)
    found: dict[str, Any] = {}
    for name, (kind, properties) in template.resources().items():
        if kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            found[name] = template.resolve(properties["PolicyDocument"])
        if kind == "AWS::IAM::Role":
            for policy in template.resolve(properties.get("Policies", [])):
                found[f"{name}/{policy['PolicyName']}"] = policy["PolicyDocument"]
    deployer = (ROOT / "docs" / "deployer-policy.json").read_text(encoding="utf-8")
    deployer = deployer.replace("REGION", REGION).replace("ACCOUNT", ACCOUNT)
    found["deployer"] = json.loads(deployer.replace("BOUNDARY-ARN", f"arn:aws:iam::{ACCOUNT}:policy/boundary"))
    return found


def differences(found: Iterable[Finding], tools: Iterable[str]) -> Iterator[str]:
    """Yield a line for each finding that is not accepted, and for each accepted one that is found no more.

    An accepted finding is looked for only if its tool is one of `tools`, those that were run.
    """
    accepted = yaml.safe_load(ACCEPTED.read_text(encoding="utf-8"))
    used: set[int] = set()
    for tool, rule, place in sorted(set(found)):
        fits = [
            number
            for number, entry in enumerate(accepted)
            if (entry["tool"], entry["rule"]) == (tool, rule) and any(fnmatch(place, name) for name in entry["places"])
        ]
        used.update(fits)
        if not fits:
            yield f"{tool} {rule} {place}: mend it, or name it with its reason in {ACCEPTED.relative_to(ROOT)}"
    for number, entry in enumerate(accepted):
        if number not in used and entry["tool"] in set(tools):
            gone = f"{entry['tool']} {entry['rule']} {entry['places']}"
            yield f"{gone}: accepted, but found no more; take it out of {ACCEPTED.relative_to(ROOT)}"


def main() -> None:
    """Print the policies (`policies`), or compare findings (`compare FILE`) and exit with 1 if they differ."""
    match sys.argv[1:]:
        case ["policies"]:
            print(json.dumps(policies()))
        case ["compare", file]:
            found = [tuple(finding) for finding in json.loads(Path(file).read_text(encoding="utf-8"))]
            wrong = list(differences(found, ["checkov", "parliament"]))
            print("\n".join(wrong) or f"{len(found)} findings, all of them accepted for a reason.")
            sys.exit(bool(wrong))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
