"""Print a template of nothing but the table, so that a new stack can adopt the one that an old stack left behind.

CloudFormation imports only what stands alone in a stack: docs/account.md has the commands.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


def table_template(key: str | None = None) -> dict[str, Any]:
    """Return a template with the table alone, without deletion protection and stream.

    It is encrypted with the KMS key that has the id or ARN `key`; None means AWS's own key for DynamoDB.
    """
    table = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))["Resources"]["Table"]
    encryption = {"SSEEnabled": True, "SSEType": "KMS"} | ({"KMSMasterKeyId": key} if key else {})
    properties = table["Properties"] | {"SSESpecification": encryption, "DeletionProtectionEnabled": False}
    del properties["StreamSpecification"]  # events for other systems, which a stack that adopts the table may switch on
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The table of Firstline, to be adopted",
        "Resources": {"Table": table | {"Properties": properties}},
    }


def main() -> None:
    """Print the template with the table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--key", metavar="ARN", help="the KMS key with which the table is encrypted")
    json.dump(table_template(parser.parse_args().key), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
