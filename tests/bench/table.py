"""The template's table, created for a measurement."""

from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from firstline.adapters.dynamodb.table import Table

ROOT = Path(__file__).parents[2]


def declared_table() -> dict[str, Any]:
    """Return the arguments of CreateTable for the table of the template."""
    declared = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["Table"]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: declared[name] for name in wanted}


def create_table(client: Any) -> Table:
    """Create the template's table under the name `bench` and return it."""
    client.create_table(TableName="bench", **declared_table())
    return Table(client, "bench")
