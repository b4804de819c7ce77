"""Recurring traffic: 30 days of incidents, judged one after the other by the real code, each with what came before it.

Causes recur as they do (Zipf), with other numbers and hosts each time; a quarter of them appears only on the way.
Half of the services are deployed now and then, people take what they are called for and sometimes say whether a
verdict was right, runbooks cure what they can, and some harmless causes turn critical after 15 quiet days. The model is
scripted, and mostly right. What is counted is how often it had to be asked, and whether memory ever made less of a
critical incident than it was.
"""

import random
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from firstline.classification.classify import classify
from firstline.classification.evidence import gather
from firstline.classification.history import ended
from firstline.classification.model import Judgement, ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.classification.rules import NO_RULES
from firstline.classification.templates import family_of
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    AlertCount,
    Classification,
    Deployment,
    EarlierIncident,
    Feedback,
    Incident,
    IncidentRecord,
    NormalizedAlert,
    Outcome,
    ServiceActivity,
    Severity,
    SourceSeverity,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 30
CAUSES = 200
WARM_UP = timedelta(days=10)
TURNS_AFTER = timedelta(days=15)

type Turn = Literal["source", "words", "burst", "deployment"]
"""How a harmless cause shows that it has become critical: the source says so, the words do, many alerts and hosts at
once, or a deployment just before."""

TURNS: tuple[Turn, ...] = ("source", "words", "burst", "deployment")

_NOUNS = ("queue", "disk", "memory", "replica", "login", "certificate", "broker", "tunnel", "backup", "index")
_STATES = ("lags behind", "fills up", "answers slowly", "restarts", "drops requests", "misses its target")
_SERVICES = 40


@dataclass(frozen=True, slots=True)
class Settings:
    """What the people and systems are like.

    `takes`: of the incidents that people resolve, the share that somebody said "mine" to before. `speaks`: of all, the
    share of which somebody says whether the verdict was right. `knows`: how often the model is right. Half of the
    services are `deployed_every` so often, the others (databases, networks, hosts) never.
    """

    incidents: int = 3_000
    takes: float = 0.7
    speaks: float = 0.1
    knows: float = 0.9
    deployed_every: timedelta = timedelta(days=7)
    new_share: float = 0.25
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that happens again and again, the same way; `turn` is how it shows that it became critical."""

    number: int
    name: str
    message: str
    service: str
    says: SourceSeverity
    truth: Severity
    ends: Outcome
    runbook: str | None
    begins: timedelta
    turn: Turn | None = None


@dataclass(slots=True)
class Counted:
    """What came of it. The warm-up is the first ten days."""

    incidents: int = 0
    asked: int = 0
    after_warm_up: int = 0
    asked_after_warm_up: int = 0
    new_after_warm_up: int = 0
    decided_by: Counter[str] = field(default_factory=Counter)
    from_memory: int = 0
    right_from_memory: int = 0
    turned_critical: int = 0
    critical_as_high: int = 0
    downgraded: list[str] = field(default_factory=list)
    """From memory, and below what the source said, or nobody was woken for what was critical."""

    why_asked: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """Of the incidents after the warm-up, the share that needed the model."""
        return self.asked_after_warm_up / self.after_warm_up


def causes(settings: Settings) -> list[Cause]:
    """The causes, the most frequent first."""
    dice = random.Random(settings.seed)  # noqa: S311
    found = []
    for number in range(CAUSES):
        noun, state = _NOUNS[number % 10], _STATES[number // 10 % 6]
        kind = dice.choices(("harmless", "curable", "human", "over-rated"), weights=(40, 30, 25, 5))[0]
        says: Literal["low", "medium", "high", "critical"]
        truth: Severity
        if kind == "harmless":
            says, truth, ends, runbook = dice.choice(("low", "medium")), "low", "self_cleared", None
        elif kind == "curable":
            says, truth, ends, runbook = "medium", "medium", "auto_resolved", "low-disk"
        elif kind == "human":
            says = dice.choice(("medium", "high", "critical"))
            truth, ends, runbook = says, "resolved", None
        else:
            says, truth, ends, runbook = "high", "low", "self_cleared", None
        begins = timedelta(0) if dice.random() >= settings.new_share else timedelta(days=DAYS) * dice.random()
        found.append(
            Cause(
                number=number,
                name=f"{noun.title()}Of{number}x{state.title().replace(' ', '')}".replace(f"{number}x", _word(number)),
                message=f"The {noun} of {{host}} {state}: {{n}} % for {{m}} minutes, request {{id}}",
                service=f"service-{_word(number % _SERVICES)}",
                says=says,
                truth=truth,
                ends=ends,  # type: ignore[arg-type]
                runbook=runbook,
                begins=begins,
            )
        )
    harmless = [one for one in found if one.ends == "self_cleared" and one.says == "medium" and not one.begins][:8]
    for position, one in enumerate(harmless):
        found[one.number] = replace(one, turn=TURNS[position % len(TURNS)])
    return found


def replay(settings: Settings) -> Counted:
    """Judge 30 days of incidents, one after the other."""
    dice = random.Random(settings.seed + 1)  # noqa: S311
    known = causes(settings)
    past, counted = Past(settings, dice), Counted()
    weights = [1 / (number + 1) for number in range(CAUSES)]
    seen: set[int] = set()
    times = sorted(timedelta(days=DAYS) * dice.random() for _ in range(settings.incidents))
    for number, since in enumerate(times):
        cause = dice.choices(known, weights=weights)[0]
        while cause.begins > since:
            cause = dice.choices(known, weights=weights)[0]
        _one(number, START + since, cause, since, dice, past, counted, settings, new=cause.number not in seen)
        seen.add(cause.number)
    return counted


@dataclass(frozen=True, slots=True)
class Seen:
    """The last verdict on a cause while it was harmless, and the first when it had turned critical."""

    before: Classification
    after: Classification


def after_its_turn(settings: Settings, cause: Cause) -> Seen:
    """One cause alone: once a day for 15 days, then once more as it shows that it is critical."""
    dice = random.Random(settings.seed)  # noqa: S311
    quiet = replace(settings, speaks=1.0, knows=1.0, deployed_every=timedelta(days=10 * DAYS))
    past, counted = Past(quiet, dice), Counted()
    verdicts = [
        _one(day, START + timedelta(days=day), cause, timedelta(days=day), dice, past, counted, quiet, new=day == 0)
        for day in range(TURNS_AFTER.days + 1)
    ]
    return Seen(before=verdicts[-2], after=verdicts[-1])


def _one(
    number: int,
    at: datetime,
    cause: Cause,
    since: timedelta,
    dice: random.Random,
    past: "Past",
    counted: Counted,
    settings: Settings,
    *,
    new: bool,
) -> Classification:
    turned = cause.turn is not None and since >= TURNS_AFTER
    truth: Severity = "critical" if turned else cause.truth
    incident = _incident(number, at, cause, cause.turn if turned else None, dice)
    past.notice(incident, 40 if turned and cause.turn == "burst" else 1)
    if turned and cause.turn == "deployment":
        past.deploy_once(cause.service, at - timedelta(minutes=12))
    model = Scripted(truth if dice.random() < settings.knows else _one_off(truth, dice), cause.runbook)
    evidence = gather(incident, past, time_zone="UTC", now=at)
    offered = (Offered("low-disk", "Rotate logs"),)
    verdict = classify(incident, evidence=evidence, rules=NO_RULES, offered=offered, model=model, now=at)
    _count(verdict, truth, incident, model, counted, since, new=new, turned=turned)
    ends: Outcome = "resolved" if turned else "suppressed" if verdict.severity == "noise" else cause.ends
    past.close(incident, verdict, truth, ends, cause.runbook if ends == "auto_resolved" else None)
    return verdict


def _count(
    verdict: Classification,
    truth: Severity,
    incident: Incident,
    model: "Scripted",
    counted: Counted,
    since: timedelta,
    *,
    new: bool,
    turned: bool,
) -> None:
    counted.incidents += 1
    counted.asked += model.asked
    counted.decided_by[verdict.decided_by] += 1
    counted.turned_critical += turned
    if since >= WARM_UP:
        counted.after_warm_up += 1
        counted.asked_after_warm_up += model.asked
        counted.new_after_warm_up += new
        if model.asked:
            why = next((one for one in verdict.reasons if one.startswith("Not from memory: ")), "never seen before")
            counted.why_asked[_kind(why)] += 1
    if verdict.decided_by == "cache":
        counted.right_from_memory += verdict.severity == truth
        rank, said = SEVERITY_RANK[verdict.severity], SEVERITY_RANK[incident.alert.severity]
        counted.from_memory += 1
        counted.critical_as_high += truth == "critical" and verdict.severity == "high"
        if (said >= PAGING_RANK and rank < said) or (truth == "critical" and rank < PAGING_RANK):
            counted.downgraded.append(incident.incident_id)


def _kind(why: str) -> str:
    for part in (
        "other circumstances",
        "last deployment",
        "deployed just before",
        "older than",
        "contradicted",
        "page back",
        "less than the source",
    ):
        if part in why:
            return part
    return "nobody has confirmed" if "confirmed" in why else why


def _incident(number: int, at: datetime, cause: Cause, turn: Turn | None, dice: random.Random) -> Incident:
    host = f"node-{dice.randrange(1, 400)}"
    message = cause.message.format(
        host=host, n=dice.randrange(1, 80), m=dice.randrange(2, 50), id=f"{dice.getrandbits(48):x}"
    )
    if turn == "words":
        message += ". Data loss: the volume is corrupted"
    alert = NormalizedAlert(
        source="prometheus",
        alert_name=cause.name,
        severity="critical" if turn == "source" else cause.says,
        message=message,
        labels={"instance": host, "team": "shop"},
        timestamp=at,
        raw_payload=None,
        status="firing",
        fingerprint=f"{cause.number}-{host}",
        group_key=f"prometheus:{cause.number}",
        host=host,
        environment="prod",
        service=cause.service,
    )
    hosts = [f"node-{one}" for one in range(30)] if turn == "burst" else [host]
    return Incident(
        incident_id=f"Traffic-{number}",
        group_key=alert.group_key,
        opened_at=at,
        alert=alert,
        alert_count=1,
        hosts=hosts,
    )


class Past:
    """The table as far as this traffic needs it: what came in, what was deployed, how it ended."""

    def __init__(self, settings: Settings, dice: random.Random) -> None:
        self._settings = settings
        self._dice = dice
        self._alerts: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
        self._ended: defaultdict[str, list[EarlierIncident]] = defaultdict(list)
        self._deployed: defaultdict[str, list[datetime]] = defaultdict(list)
        self._broken: set[str] = set()
        for number in range(0, _SERVICES, 2):
            at = START - timedelta(days=1)
            while at < START + timedelta(days=DAYS):
                at += settings.deployed_every * dice.expovariate(1)
                self._deployed[f"service-{_word(number)}"].append(at)

    def alerts_named(self, alert_name: str, now: datetime) -> AlertCount:
        return self._counted(alert_name, now)

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        before = [at for at in self._deployed[service] if at <= now]
        last = [Deployment(service=service, version="v", environment="prod", deployed_at=at) for at in before[-1:]]
        return ServiceActivity(alerts=self._counted(service, now), deployments=last)

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        return self._ended[group_key][-limit:][::-1]

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        found = [*self._ended[family_of(alert)][-60:], *self._ended[str(alert.service)][-60:]]
        return list({one.incident_id: one for one in found}.values())

    def deployments_since(self, since: datetime) -> list[Deployment]:
        until = since + timedelta(hours=4)
        return [
            Deployment(service=service, version="v", environment="prod", deployed_at=at)
            for service, moments in self._deployed.items()
            for at in moments
            if since <= at <= until
        ]

    def notice(self, incident: Incident, alerts: int) -> None:
        """New alerts came in."""
        for key in (incident.alert.alert_name, str(incident.alert.service)):
            self._alerts[key].append((incident.opened_at, alerts))

    def deploy_once(self, service: str, at: datetime) -> None:
        """A deployment that breaks something; what it broke comes back without another."""
        if service not in self._broken:
            self._broken.add(service)
            insort(self._deployed[service], at)

    def close(
        self, incident: Incident, verdict: Classification, truth: Severity, outcome: Outcome, runbook_id: str | None
    ) -> None:
        """It is over; perhaps somebody says whether the verdict was right."""
        closed_at = incident.opened_at + timedelta(minutes=20)
        feedback = []
        if self._dice.random() < self._settings.speaks:
            right = verdict.severity == truth
            feedback.append(
                Feedback(
                    person="slack:ada",
                    by="Ada",
                    said="real" if right else "wrong_severity",
                    severity=None if right else truth,
                    at=closed_at,
                )
            )
        record = IncidentRecord(
            incident=incident,
            status="CLOSED",
            alert_count=1,
            last_alert_at=incident.opened_at,
            classification=verdict,
            feedback=feedback,
            acknowledged_by="Ada" if outcome == "resolved" and self._dice.random() < self._settings.takes else None,
            closed_at=closed_at,
            outcome=outcome,
        )
        told = ended(record)
        if told is not None:
            told = told.model_copy(update={"runbook_id": runbook_id})
            for key in (incident.group_key, family_of(incident.alert), str(incident.alert.service)):
                self._ended[key].append(told)

    def _counted(self, key: str, now: datetime) -> AlertCount:
        recent = [(at, count) for at, count in self._alerts[key][-200:] if now - at <= timedelta(days=1)]
        hour = sum(count for at, count in recent if now - at <= timedelta(hours=1))
        return AlertCount(last_hour=hour, last_day=sum(count for _, count in recent))


@dataclass(frozen=True, slots=True)
class Offered:
    id: str
    title: str


@dataclass(slots=True)
class Scripted:
    """A model that says what it is told to, and counts that it was asked."""

    severity: Severity
    runbook: str | None
    asked: bool = False

    def verdict(self, prompt: Prompt) -> ModelVerdict:  # noqa: ARG002 - it has made up its mind
        self.asked = True
        judgement = Judgement(
            severity=self.severity,
            cause="As the script says.",
            is_deployment_related=False,
            can_be_remediated=self.runbook is not None,
            runbook_id=self.runbook,
            confidence=0.85,
            summary="It happens again.",
            first_steps=[],
        )
        return ModelVerdict(judgement=judgement, model="scripted")


def _one_off(severity: Severity, dice: random.Random) -> Severity:
    scale: Sequence[Severity] = ("low", "medium", "high", "critical")
    place = scale.index(severity)
    return scale[max(0, min(3, place + dice.choice((-1, 1))))]


def _word(number: int) -> str:
    """A number as a word of its own: names that differ in digits would be one family."""
    letters = "bcdfghjklmnpqrstvwxz"
    return (letters[number // 20 % 20] + "a" + letters[number % 20] + "o").title()
