"""The template's table, created for a measurement."""

from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from firstline.adapters.dynamodb.table import Table

ROOT = Path(__file__).parents[2]


def create_table(client: Any) -> Table:
    """Create the table `bench` as the template declares it."""
    declared = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["Table"]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName="bench", **{name: declared[name] for name in wanted})
    return Table(client, "bench")
