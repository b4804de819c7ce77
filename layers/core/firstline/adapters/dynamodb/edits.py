"""An update of one item as plain values, which are turned into DynamoDB's expressions here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Edit:
    """An update of one item under a condition.

    Parameters
    ----------
    sets
        Attributes and their new values; None removes the attribute.
    once
        Attributes that are set only if they are absent.
    copies
        Attributes, each with the name of the attribute whose value it gets.
    adds
        Numbers to add; an absent attribute counts as zero.
    when
        Attributes and the values that they must have for the update; None for an attribute that must be absent.
    where, values
        A further condition as a DynamoDB expression, and the values of its placeholders.
    """

    sets: Mapping[str, Any] = field(default_factory=dict)
    once: Mapping[str, Any] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)
    adds: Mapping[str, int] = field(default_factory=dict)
    when: Mapping[str, Any] = field(default_factory=dict)
    where: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def expression(self) -> str:
        """Return DynamoDB's update expression, such as `SET #status = :s_status ADD #joined :a_joined`."""
        sets = [f"#{name} = :s_{name}" for name, value in self.sets.items() if value is not None]
        sets += [f"#{name} = if_not_exists(#{name}, :o_{name})" for name in self.once]
        sets += [f"#{name} = #{source}" for name, source in self.copies.items()]
        removes = [f"#{name}" for name, value in self.sets.items() if value is None]
        adds = [f"#{name} :a_{name}" for name in self.adds]
        parts = {"SET": sets, "REMOVE": removes, "ADD": adds}
        return " ".join(f"{word} {', '.join(pieces)}" for word, pieces in parts.items() if pieces)

    def condition(self) -> str | None:
        """Return DynamoDB's condition expression, or None if the update has no condition."""
        tests = [
            f"attribute_not_exists(#{name})" if value is None else f"#{name} = :w_{name}"
            for name, value in self.when.items()
        ]
        return " AND ".join([*tests, *([f"({self.where})"] if self.where else [])]) or None

    def names(self) -> dict[str, str]:
        """Return the attribute name of each placeholder; they are needed because some names are reserved words."""
        written = [*self.sets, *self.once, *self.copies, *self.copies.values(), *self.adds, *self.when]
        return {f"#{name}": name for name in written}

    def all_values(self) -> dict[str, Any]:
        """Return the value of each placeholder in the update and in its condition."""
        given = {"s": self.sets, "o": self.once, "a": self.adds, "w": self.when}
        return dict(self.values) | {
            f":{letter}_{name}": value
            for letter, values in given.items()
            for name, value in values.items()
            if value is not None
        }
