"""The replay of past incidents under changed policy files: which pages would be lost, be new, or reach other people.

Only incidents that the change touches are judged again: the alert that opened the incident as functions/classify would
judge it, each alert that joined later as functions/ingest would. The new severity is the first of these that exists:

- the `severity` of the changed rule
- if the old rule or window had set or limited the severity: the severity that the new rules and the history give,
  judged by what was known when the incident opened
- the severity that the incident had, within the new `at_most` and `at_least`

No model is asked and no command runs. If the records are not enough, the incident is listed as unsure.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from firstline.classification.guardrails import Changes
from firstline.classification.hold import held_by_rule
from firstline.models import PAGING_RANK, SEVERITY_RANK, Incident, IncidentRecord, RouteName, Severity, StoredAlert
from firstline.policy.holds import Window
from firstline.policy.paging import Level, PagingPolicy
from firstline.policy.rules import Rule, Rules
from firstline.reports.joined_alerts import JoinedAlerts, alerts_in, joined_alerts
from firstline.reports.periods import real_incidents
from firstline.reports.preview import hides_in, outlasts
from firstline.reports.proof import is_critical, proof_of
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.match import offered
from firstline.runbooks.model import Runbook
from firstline.text import in_words

type Assess = Callable[[Incident, Rules], Severity]
"""A function that returns the severity that rules and history give an incident, by the evidence of when it opened."""

type Members = Callable[[str], Sequence[StoredAlert]]
"""A function that returns the alerts that the table has under an incident's id."""

AT_ONCE = timedelta(minutes=1)
"""The time after the opening within which an alert that joins counts as if it had opened the incident."""

_EFFECT = ("severity", "at_most", "at_least", "hold", "route", "even_critical")


@dataclass(frozen=True)
class PolicyFiles:
    """The rules, the paging policy and the runbooks, which decide who is paged: as deployed, or as changed."""

    rules: Rules
    paging: PagingPolicy
    runbooks: Catalogue


@dataclass(frozen=True, slots=True)
class Affected:
    """An incident for which the changed files make a difference.

    Parameters
    ----------
    why
        The rule, window, level or runbook that makes the difference, in words.
    proof
        The proof that the incident was real; None without one.
    """

    record: IncidentRecord
    why: str
    proof: str | None

    @property
    def critical(self) -> bool:
        """True if the alert's source or the classification called the incident critical."""
        return is_critical(self.record)


@dataclass
class Replay:
    """The differences that changed files make.

    Attributes
    ----------
    seen, paged
        The number of incidents that were judged, and how many of them had paged.
    goes
        Incidents that paged, and would not page under the changed files.
    comes
        Incidents that did not page, and would page under the changed files.
    later
        Incidents whose page would go out later.
    moves
        Incidents whose page other people or channels would get.
    plans
        Incidents that would get another runbook, or the same one with another mode or text.
    unsure
        Incidents that the change touches, but whose records do not tell the effect.
    incomplete
        The number of incidents that were judged without some of their alerts, because these fired again later, and
        the table has them under another incident.
    """

    seen: int = 0
    paged: int = 0
    incomplete: int = 0
    goes: list[Affected] = field(default_factory=list)
    comes: list[Affected] = field(default_factory=list)
    later: list[Affected] = field(default_factory=list)
    moves: list[Affected] = field(default_factory=list)
    plans: list[Affected] = field(default_factory=list)
    unsure: list[Affected] = field(default_factory=list)

    @property
    def missed(self) -> list[Affected]:
        """The incidents that would no longer page (`goes`), although they were proven to be real."""
        return [affected for affected in self.goes if affected.proof is not None]


def replay(
    records: Iterable[IncidentRecord],
    before: PolicyFiles,
    after: PolicyFiles,
    *,
    zone: tzinfo,
    environment: str,
    assess: Assess,
    members: Members,
) -> Replay:
    """Return the differences that changed files (`after`) would make for closed incidents, without test incidents.

    `before` are the deployed files. `zone` is the time zone of the hours in rules, `environment` the stack's
    environment, which decides a runbook's mode. `assess` returns the severity that rules and history give an incident,
    `members` the alerts that the table has under an incident's id.
    """
    found = Replay()
    for record in real_incidents(records):
        found.seen += 1
        found.paged += record.paged_at is not None
        joined = JoinedAlerts()
        # The alerts of a storm are judged one by one when they come in, and it pages whatever the rules say.
        if before.rules != after.rules and alerts_in(record) > 1 and not record.incident.storm:
            stored = members(record.incident.incident_id)
            joined = joined_alerts(record, stored, before.rules, after.rules, zone)
            found.incomplete += joined.unknown > 0
        _Comparison(record, before, after, zone, environment, assess, found, joined).add_differences()
    return found


@dataclass(frozen=True)
class _Comparison:
    """The comparison of one incident under the files `before` and `after`. It adds the differences to `found`."""

    record: IncidentRecord
    before: PolicyFiles
    after: PolicyFiles
    zone: tzinfo
    environment: str
    assess: Assess
    found: Replay
    joined: JoinedAlerts

    def add_differences(self) -> None:
        """Add the incident to each list of `found` for a decision that the changed files change."""
        record, incident = self.record, self.record.incident
        paged = record.paged_at is not None
        local = incident.opened_at.astimezone(self.zone)
        old, new = (files.rules.first(incident, local) for files in (self.before, self.after))
        windows = [_windows(files.rules, incident) for files in (self.before, self.after)]
        severity, route, pages = self._severity_then, self._route_then, paged
        then, now = (_window_effects(known, incident) for known in windows)
        if not incident.storm and (_effect(old) != _effect(new) or then != now):
            severity, route = self._severity_now(old, new, *windows), new.route if new else None
            pages = self._rules_differ(old, new, windows[1], severity)
        elif self.joined.changed:
            pages = self._joined_differ()
        if pages:
            self._paging_differs(severity, route)
        self._runbooks_differ(severity)

    # --- rules --------------------------------------------------------------------------------------------------------

    def _severity_now(
        self, old: Rule | None, new: Rule | None, windows_then: Sequence[Window], windows: Sequence[Window]
    ) -> Severity:
        if new is not None and new.severity is not None:
            return new.severity
        bound = old is not None and (old.severity or old.at_most or old.at_least)
        if bound or any(window.at_most for window in windows_then):
            # The verdict of then rests on what is gone or changed.
            return self.assess(self.record.incident, self.after.rules)
        changes = Changes(self._severity_then)
        if new is not None and new.at_least:
            changes.at_least(new.at_least, "")
        for at_most in (new.at_most if new else None, *(window.at_most for window in windows)):
            if at_most:
                changes.at_most(at_most, "")
        return changes.severity

    def _rules_differ(self, old: Rule | None, new: Rule | None, windows: Sequence[Window], severity: Severity) -> bool:
        """Add the incident to the list of `found` that tells the effect of the changed rules on its page, if any.

        The lists are `goes`, `comes`, `later` and `unsure`. Return True if the incident pages under the changed rules.
        `old` is the rule that applied before the change; `new`, `windows` and `severity` are the rule, the windows and
        the severity after it.
        """
        record = self.record
        paged = record.paged_at is not None
        until = self._held_until(new, windows, severity) if severity != "noise" else None
        covered = until is not None and not outlasts(record, until - record.incident.opened_at)
        pages = SEVERITY_RANK[severity] >= PAGING_RANK and not covered
        why = ", ".join(self._reasons(old, new, windows, severity, until))
        if paged and SEVERITY_RANK[self._severity_then] < PAGING_RANK:
            if self.joined.paged:
                return pages or self._stays(why)
            # People asked for the page, or what joined is not known: the rule of then did not decide on it.
            if SEVERITY_RANK[severity] < SEVERITY_RANK[self._severity_then] or covered:
                self._add(self.found.unsure, f"{why}; but it was paged although it was {self._severity_then}")
            return True
        if paged and not pages:
            return self._stays(why)
        if paged and until is not None and not self.joined.pages:
            self._add(self.found.later, why)
        elif not paged and (pages or self._newly_joins) and self._comes(why):
            return True
        return paged

    def _reasons(
        self,
        old: Rule | None,
        new: Rule | None,
        windows: Sequence[Window],
        severity: Severity,
        until: datetime | None,
    ) -> Iterator[str]:
        windowed = ", ".join(window.id for window in windows)
        if new is not None and (_effect(old) != _effect(new) or not windowed):
            yield f"rule {new.id} says {severity}"
        elif windowed:
            yield f"window {windowed} says {severity}"
        else:
            yield f"without {f'rule {old.id}' if old else 'its window'} it is {severity}"
        if until is not None:
            opened, ended = self.record.incident.opened_at, self.record.resolved_at or self.record.closed_at
            lasted = f"it lasted {in_words(ended - opened)}" if ended else "it did not end by itself"
            yield f"it waits {in_words(until - opened)}, {lasted}"

    def _joined_differ(self) -> bool:
        """Add the incident to `found` if it gets or loses its page by an alert that joined later.

        This is called only if the changed rules judge the incident's first alert as before. Return True if the incident
        pages under the changed rules.
        """
        paged, why = self.record.paged_at is not None, self.joined.why
        if SEVERITY_RANK[self._severity_then] >= PAGING_RANK:
            return paged
        if paged and self.joined.paged and not self.joined.pages:
            return self._stays(why)
        return self._comes(why) if not paged and self._newly_joins else paged

    @property
    def _newly_joins(self) -> bool:
        return bool(self.joined.pages) and not self.joined.paged

    def _stays(self, why: str) -> bool:
        """Return True if an incident whose first alert would no longer page still pages, or may page, by a later alert.

        If a later alert pages, return True; if that is later than the page was, add the incident to `later` of `found`.
        If worse alerts joined of which only the number is known, add it to `unsure` and return True. Otherwise no page
        is left: add it to `goes` and return False. `why` says for people what the change did.
        """
        if (at := self.joined.first_page) is not None:
            waits = at - self.record.incident.opened_at
            if waits > AT_ONCE:
                self._add(self.found.later, f"{why}; it pages {in_words(waits)} later, by an alert that joins")
            return True
        if self._worse_joined:
            self._add(self.found.unsure, f"{why}; but a worse alert joined, of which only the count is known")
            return True
        self._add(self.found.goes, why)
        return False

    def _comes(self, why: str) -> bool:
        """Add the incident, which did not page, to `comes` of `found`, because it would page now, and return True.

        If the old rules are not why it did not page (it was over too soon, for example), add nothing and return False.
        If a runbook cured it, perhaps before a page was due, add it to `unsure` and return False. `why` says for people
        what the change did.
        """
        if SEVERITY_RANK[self._severity_then] >= PAGING_RANK and self.record.outcome != "suppressed":
            verdict = self.record.classification
            if verdict is None or verdict.hold is None:
                return False  # it needed no page then: it was cured, or over, before one was due
        if self.record.outcome == "auto_resolved":
            self._add(self.found.unsure, f"{why}; but a runbook cured it, perhaps before a page would have gone out")
            return False
        self._add(self.found.comes, why)
        return True

    def _held_until(self, new: Rule | None, windows: Sequence[Window], severity: Severity) -> datetime | None:
        """Return when the incident's hold would end under the changed files; None if nothing would hold it.

        The silence or inhibition that held it when it opened counts, and so do the changed windows (`windows`). If none
        of these holds it, the `hold` of the changed rule (`new`) counts, given the new `severity`.
        """
        incident, opened = self.record.incident, self.record.incident.opened_at
        then = incident.hold if incident.hold and incident.hold.by in ("silence", "inhibition") else None
        ends = [then.until] if then else []
        ends += [window.end(opened) for window in windows if hides_in(window, incident)]
        verdict = self.record.classification
        if verdict is not None and not ends:
            held = held_by_rule(incident, new, verdict.model_copy(update={"severity": severity}), opened)
            ends += [held.until] if held else []
        return max(ends, default=None)

    # --- routes and levels --------------------------------------------------------------------------------------------

    def _paging_differs(self, severity: Severity, route: RouteName | None) -> None:
        incident = self.record.incident
        then = self.before.paging.levels_for(incident, self._severity_then, self._route_then)
        now = self.after.paging.levels_for(incident, severity, route)
        if self.record.paged_at is not None and list(then) != list(now):
            self._add(self.found.moves, f"{_levels(then)} → {_levels(now)}")

    # --- runbooks -----------------------------------------------------------------------------------------------------

    def _runbooks_differ(self, severity: Severity) -> None:
        if self.record.incident.storm or severity == "noise":
            return
        then, now = (self._runbook(files.runbooks) for files in (self.before, self.after))
        if then == now:
            return
        modes = [runbook.mode_in(self.environment) if runbook else "" for runbook in (then, now)]
        same = then is not None and now is not None and (then.id, modes[0]) == (now.id, modes[1])
        why = f"{_named(then, modes[0])} → {_named(now, modes[1])}{', whose text differs' if same else ''}"
        self._add(self.found.plans, why)
        paged = self.record.paged_at is not None
        if same:
            return
        if self.record.outcome == "auto_resolved" and not paged and modes[1] != "auto":
            if SEVERITY_RANK[severity] >= PAGING_RANK:
                self._add(self.found.comes, f"{why}: nothing cures it by itself any more")
        elif paged and modes == [modes[0], "auto"] and modes[0] != "auto":
            self._add(self.found.unsure, f"{why}: it would run before the page, and nobody knows whether it helps")

    def _runbook(self, catalogue: Catalogue) -> Runbook | None:
        """Return the runbook that the incident was given then, if `catalogue` has it and it still fits the alert.

        Otherwise return the runbook of `catalogue` that fits the alert best; None if none fits.
        """
        verdict = self.record.classification
        fitting = offered(catalogue, self.record.incident.alert)
        chosen = verdict.runbook_id if verdict else None
        return next((runbook for runbook in fitting if runbook.id == chosen), fitting[0] if fitting else None)

    # --- the record ---------------------------------------------------------------------------------------------------

    @property
    def _severity_then(self) -> Severity:
        said = self.record.incident.alert.severity
        verdict = self.record.classification
        return verdict.severity if verdict else "low" if said == "info" else said

    @property
    def _route_then(self) -> RouteName | None:
        return self.record.classification.route if self.record.classification else None

    @property
    def _worse_joined(self) -> bool:
        """True if an alert that joined was worse than all that are still stored under this incident."""
        live = self.record.live
        known = max(self.joined.worst, SEVERITY_RANK[self.record.incident.alert.severity])
        return live is not None and live.worst > known

    def _add(self, to: list[Affected], why: str) -> None:
        to.append(Affected(self.record, why, proof_of(self.record)))


def _windows(rules: Rules, incident: Incident) -> list[Window]:
    """Return the maintenance windows that were active when an incident opened, and that match its alert."""
    return [window for window in rules.maintenance if window.holds(incident.alert, incident.opened_at)]


def _window_effects(windows: Sequence[Window], incident: Incident) -> list[object]:
    opened = incident.opened_at
    return [(window.at_most, window.end(opened) if hides_in(window, incident) else None) for window in windows]


def _effect(rule: Rule | None) -> dict[str, object]:
    return rule.model_dump(include=set(_EFFECT), exclude_defaults=True) if rule else {}


def _levels(levels: Sequence[Level]) -> str:
    return ", then ".join(
        f"{level.name} ({'+'.join(level.channels)}, {level.schedule or level.on_call})" for level in levels
    )


def _named(runbook: Runbook | None, mode: str) -> str:
    return f"{runbook.id} ({mode})" if runbook else "no runbook"
