"""Shapes that lose data, packages, or what is in the cloud."""

import re

from local.linting.bash import Call
from local.linting.words import names

_CLOUD = re.compile(r"(delete|terminate|deregister|detach|revoke|remove|stop|reboot|modify)-|^(rm|rb)$")
_SQL = re.compile(r"\b(drop\s+(table|database|schema|user|index)|truncate\b|delete\s+from\s+[\w.`\"]+\s*(;|$))", re.I)
_REDIS = re.compile(r"\b(flushall|flushdb)\b", re.I)
_MONGO = re.compile(r"\b(dropDatabase|drop|deleteMany|remove)\s*\(", re.I)
PACKAGE_MANAGERS = names("apt apt-get aptitude yum dnf zypper microdnf tdnf")
REMOVING = names("remove purge autoremove erase autopurge undo rollback dist-upgrade full-upgrade")


def drops_data(call: Call) -> bool:
    said = [*call.words, *([call.given.source, *map(str, call.given.parts)] if call.given else [])]
    match call.name:
        case "mysql" | "mariadb" | "psql" | "sqlite3" | "clickhouse-client" | "sqlcmd" | "cqlsh":
            return any(map(_SQL.search, said))
        case "redis-cli" | "valkey-cli":
            return any(map(_REDIS.search, said))
        case "mongo" | "mongosh":
            return any(map(_MONGO.search, said))
        case "dropdb" | "dropuser":
            return True
        case "mysqladmin":
            return "drop" in call.operands
        case "crontab":
            return call.has("r")
        case "git":
            return _git_discards(call.operands, call.options)
        case "kubectl":
            return "delete" in call.operands[:1]
    return False


def _git_discards(operands: list[str], options: list[str]) -> bool:
    return (
        "clean" in operands
        or ("reset" in operands and "hard" in options)
        or ("push" in operands and not {"force", "f", "delete"}.isdisjoint(options))
        or ("checkout" in operands and "." in operands)
    )


def deletes_in_cloud(call: Call) -> bool:
    return call.name == "aws" and any(_CLOUD.search(operand) for operand in call.operands[1:2])


def removes_packages(call: Call) -> bool:
    match call.name:
        case name if name in PACKAGE_MANAGERS:
            return bool(REMOVING & set(call.operands[:2]))
        case "rpm":
            return call.has("e", "erase")
        case "dpkg":
            return call.has("r", "P", "remove", "purge")
        case "snap":
            return "remove" in call.operands[:1]
    return False
