"""Incidents: their life after ingest has opened them, and the ports to their store.

Read `lifecycle.py` first: acknowledge, end a hold, resolve, and wake the waiting execution. `store.py` declares the
operations of the table. `reconcile.py` repairs every minute what was missed; `audit_trail.py` records who decided what.

The pure function `what_now.what_now` alone chooses the next state of an execution. Who asks it:

    the machine, in its state What Now?               remediation/states.py → choice.serve_what_now ─┐
    Plan Remediation, Next Move, as they end          remediation/states.py → choice.serve_what_now ─┤
    Classify, Page On-Call, Notify Ops, as they end   the function → following.following ────────────┤
                                                                choice.choose → what_now.what_now ◀──┘
    Await Quiet, before it tells that nothing fires   people/announce.py → what_now.what_now

The function remediate serves What Now?, because before a plan runs, its permission is checked again. `choice.choose`
adds the state that follows an acknowledgement. `pages.py` says whether a page is due, `waking.py` whether an alert ends
the execution's wait. `models/live.py` says who writes the fields that these read.
"""
