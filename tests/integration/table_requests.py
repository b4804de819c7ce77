"""Random requests to the table: mostly sensible, some refused by a condition, some plainly wrong."""

from collections.abc import Callable
from random import Random
from typing import Any

type Call = tuple[str, dict[str, Any]]

STATUSES = ["OPEN", "CLOSED"]
PARTITIONS = ["A", "B"]
SORTS = ["1", "1#x", "2", "Ü", "~"]
NAMES = ["n", "s", "l", "m", "g", "m.n", "m.l[1]", "l[0]", "l[1]", "m.#name", "#status", "gone", "#dot"]
WORDS = {"#status": "status", "#name": "n.n", "#dot": "a.b"}


def number(random: Random) -> dict[str, Any]:
    return {"N": random.choice(["0", "1", "2", "-1", "1.5", "10", "9", "0.10", "12345678901234567890", "1E3"])}


def value(random: Random, depth: int = 0) -> dict[str, Any]:
    """Return a value of any type."""
    kinds: list[Callable[[], dict[str, Any]]] = [
        lambda: number(random),
        lambda: {"S": random.choice(["", "a", "b", "ab", "é"])},
        lambda: {"SS": random.sample(["a", "b", "c"], random.randint(1, 3))},
        lambda: {"NS": random.sample(["1", "2", "10"], random.randint(1, 3))},
        lambda: {"BOOL": random.random() < 0.5},
        lambda: {"NULL": True},
        lambda: {"B": random.choice([b"a", b"b", b"ab"])},
        lambda: {"L": [value(random, depth + 1) for _ in range(random.randint(0, 3))]},
        lambda: {
            "M": {name: value(random, depth + 1) for name in random.sample(["n", "l", "n.n"], random.randint(0, 3))}
        },
    ]
    return random.choices(kinds, [3, 3, 2, 1, 1, 1, 1, 2, 2] if depth < 2 else [1, 1, 0, 0, 1, 1, 1, 0, 0])[0]()


class Requests:
    """A generator of requests over ten keys. They lack the table's name."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.values: dict[str, Any] = {}

    def key(self) -> dict[str, Any]:
        return {"pk": {"S": self.random.choice(PARTITIONS)}, "sk": {"S": self.random.choice(SORTS)}}

    def item(self) -> dict[str, Any]:
        typical = {
            "n": number(self.random),
            "s": {"S": self.random.choice(["a", "ab", "b"])},
            "g": {"SS": self.random.sample(["a", "b", "c"], 2)},
            "l": {"L": [value(self.random, 1) for _ in range(self.random.randint(0, 3))]},
            "m": {"M": {"n": number(self.random), "l": {"L": [number(self.random), number(self.random)]}}},
            "status": {"S": "open"},
            "a.b": number(self.random),
        }
        kept = {name: each for name, each in typical.items() if self.random.random() < 0.85}
        return {**self.key(), **kept, **self.index_key()}

    def index_key(self) -> dict[str, Any]:
        """Return both keys of the index, one of them or none: the index is sparse."""
        key = {"status_pk": {"S": self.random.choice(STATUSES)}, "status_sk": {"S": str(self.random.randint(0, 10**9))}}
        return dict(self.random.sample([*key.items()], self.random.choice([0, 1, 2, 2, 2])))

    def call(self) -> Call:
        """Return the next request."""
        kinds = [self.put, self.update, self.delete, self.get, self.query, self.batch, self.transaction, self.reads]
        self.values = {}
        return self.random.choices(kinds, [3, 6, 1, 1, 2, 1, 3, 1])[0]()

    # --- expressions ---

    def bind(self, given: dict[str, Any]) -> str:
        """Return a placeholder for a value."""
        ref = f":v{len(self.values)}"
        self.values[ref] = given
        return ref

    def path(self) -> str:
        return self.random.choice(NAMES)

    def operand(self) -> str:
        some = self.random.random()
        if some < 0.15:
            return f"size({self.path()})"
        return self.path() if some < 0.3 else self.bind(value(self.random, 1))

    def condition(self, depth: int = 0) -> str:
        """Return a condition."""
        path = self.path()
        kinds: list[Callable[[], str]] = [
            lambda: f"attribute_exists({path})",
            lambda: f"attribute_not_exists({path})",
            lambda: f"attribute_type({path}, {self.bind({'S': self.random.choice(['N', 'S', 'SS', 'L', 'M', 'X'])})})",
            lambda: f"begins_with({path}, {self.bind({'S': 'a'})})",
            lambda: f"contains({path}, {self.operand()})",
            lambda: f"{path} {self.random.choice(['=', '<>', '<', '<=', '>', '>='])} {self.operand()}",
            lambda: f"size({path}) {self.random.choice(['=', '<>', '<', '>='])} {self.bind({'N': '1'})}",
            lambda: f"{path} IN ({self.operand()}, {self.operand()})",
            lambda: f"{path} BETWEEN {self.bind({'N': '0'})} AND {self.bind(number(self.random))}",
            lambda: f"{path} BETWEEN {self.bind({'S': 'a'})} AND {self.operand()}",
            lambda: f"NOT {self.condition(depth + 1)}",
            lambda: f"({self.condition(depth + 1)} OR {self.condition(depth + 1)})",
            lambda: f"{self.condition(depth + 1)} AND {self.condition(depth + 1)}",
            lambda: f"{self.condition(depth + 1)} or ({self.condition(depth + 1)})",
        ]
        return self.random.choice(kinds if depth < 3 else kinds[:10])()

    def assigned(self) -> str:
        """Return what SET writes."""
        path, other = self.path(), self.bind(value(self.random))
        return self.random.choice(
            [
                other,
                *(other, other),
                path if self.random.random() < 0.3 else other,
                f"if_not_exists({path}, {other})",
                f"if_not_exists({path}, {self.bind({'N': '0'})}) + {self.bind({'N': '1.5'})}",
                f"n {self.random.choice('+-')} {self.bind(number(self.random))}",
                f"list_append(if_not_exists(l, {self.bind({'L': []})}), {self.bind({'L': [value(self.random, 1)]})})",
                f"list_append({self.bind({'L': [number(self.random)]})}, l)",
            ]
        )

    def update_expression(self) -> str:
        """Return an update, sometimes of what is not there or of another type, or of one path twice."""
        paths = self.random.sample(NAMES, 3)
        small = {"SS": self.random.sample(["a", "b", "c"], 1)}
        sections = {
            "SET": [f"{path} = {self.assigned()}" for path in paths[: self.random.choice([1, 1, 2])]],
            "REMOVE": [paths[2]],
            "ADD": [
                self.random.choice(
                    [f"n {self.bind(number(self.random))}", f"g {self.bind(small)}", f"{paths[1]} {self.bind(small)}"]
                )
            ],
            "DELETE": [f"{self.random.choice(['g', 'g', self.path()])} {self.bind(small)}"],
        }
        chosen = self.random.sample([*sections], self.random.choice([1, 1, 2, 3]))
        if self.random.random() < 0.5:
            for name, text in self.index_key().items():
                sections["SET"].append(f"{name} = {self.bind(text)}")
        return " ".join(f"{section} {', '.join(sections[section])}" for section in chosen)

    def bound(self, request: dict[str, Any]) -> dict[str, Any]:
        """Add the values and names that the request's expressions use."""
        texts = [text for name, text in request.items() if name.endswith("Expression")]
        used = " ".join(texts).replace("(", " ").replace(")", " ").replace(",", " ").replace(".", " ").split()
        names = {name: word for name, word in WORDS.items() if name in used}
        values = {ref: given for ref, given in self.values.items() if ref in used}
        request |= {"ExpressionAttributeNames": names} if names else {}
        return request | ({"ExpressionAttributeValues": values} if values else {})

    def conditional(self, request: dict[str, Any], chance: float = 0.5) -> dict[str, Any]:
        if self.random.random() < chance:
            request["ConditionExpression"] = self.condition()
            if self.random.random() < 0.5:
                request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return self.bound(request)

    def projected(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.random.random() < 0.5:
            request["ProjectionExpression"] = ", ".join(self.random.sample(NAMES, self.random.randint(1, 4)))
        return self.bound(request)

    # --- operations ---

    def put(self) -> Call:
        request = {"Item": self.item(), "ReturnValues": self.random.choice(["NONE", "ALL_OLD"])}
        return "put_item", self.conditional(request)

    def update(self) -> Call:
        returned = self.random.choice(["NONE", "ALL_OLD", "ALL_NEW", "ALL_NEW"])
        request = {"Key": self.key(), "UpdateExpression": self.update_expression(), "ReturnValues": returned}
        return "update_item", self.conditional(request)

    def delete(self) -> Call:
        return "delete_item", self.conditional({"Key": self.key(), "ReturnValues": "ALL_OLD"})

    def get(self) -> Call:
        return "get_item", self.projected({"Key": self.key(), "ConsistentRead": True})

    def query(self) -> Call:
        """Query the table or the index, a range of it, some of it, filtered or from the back."""
        index = self.random.random() < 0.4
        partition, sort = ("status_pk", "status_sk") if index else ("pk", "sk")
        condition = f"{partition} = {self.bind({'S': self.random.choice(STATUSES if index else PARTITIONS)})}"
        one, other = sorted(self.random.sample(SORTS, 2))
        low, high = {"S": one}, {"S": other}
        ranges = [
            *(f"{sort} {op} {self.bind(low)}" for op in ("=", "<", ">")),
            f"begins_with({sort}, {self.bind(low)})",
        ]
        limit = self.random.randint(1, 4) if self.random.random() < 0.5 else None
        if limit is None:
            # DynamoDB Local gives no key to go on from if the last item's key is the range's own end. DynamoDB's guide
            # promises nothing either way.
            ranges += [f"{sort} <= {self.bind(low)}", f"{sort} >= {self.bind(low)}"]
            ranges += [f"{sort} BETWEEN {self.bind(low)} AND {self.bind(high)}"]
        if self.random.random() < 0.6:
            condition += f" AND {self.random.choice(ranges)}"
        request: dict[str, Any] = {"KeyConditionExpression": condition, "ScanIndexForward": self.random.random() < 0.6}
        request |= {"IndexName": "by_status"} if index else {}
        request |= {"Limit": limit} if limit else {}
        if self.random.random() < 0.3:
            request["FilterExpression"] = self.condition()
        return "query", self.projected(request)

    def batch(self) -> Call:
        keys = [self.key() for _ in range(self.random.randint(1, 3))]
        return "batch_get_item", {"Keys": keys}

    def transaction(self) -> Call:
        """Return a transaction of up to four writes; sometimes two are of one item, which DynamoDB looks at first.

        DynamoDB Local looks at the conditions first, so such a transaction has none.
        """
        keys = [self.key() for _ in range(self.random.randint(1, 4))]
        distinct = [key for number, key in enumerate(keys) if key not in keys[:number]]
        if len(distinct) < len(keys) and self.random.random() < 0.2:
            return "transact_write_items", {"TransactItems": [{"Delete": {"Key": key}} for key in keys]}
        writes = []
        for key in distinct:
            self.values = {}
            kind = self.random.choice(["Put", "Update", "Update", "Delete", "ConditionCheck"])
            part: dict[str, Any] = {"Item": {**self.item(), **key}} if kind == "Put" else {"Key": key}
            if kind == "Update":
                part["UpdateExpression"] = self.update_expression()
            writes.append({kind: self.conditional(part, chance=1 if kind == "ConditionCheck" else 0.4)})
        return "transact_write_items", {"TransactItems": writes}

    def reads(self) -> Call:
        reads = [{"Get": self.projected({"Key": self.key()})} for _ in range(self.random.randint(1, 3))]
        return "transact_get_items", {"TransactItems": reads}
