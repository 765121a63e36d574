#!/usr/bin/env bash
# A scheduler that subscribes again with another `user` or `checkpoint` gets SUBSCRIBED, and the change is silently dropped.
#
# Seen with Mesos 1.11.0. The call UPDATE_FRAMEWORK refuses the same two changes with 400 and a sentence, and answers 200 to what it
# accepts (the API's other calls answer 202). On re-subscription the other fields (name, roles) are accepted, and a changed
# principal is an ERROR. One would expect either the change or the error for all of them.
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
from mesos import Framework, Mesos, expect, verdict

with Mesos() as mesos:
    first = Framework(mesos, user="root", checkpoint=True, name="before")
    again = Framework(mesos, user="daemon", checkpoint=False, name="after", id=first.id)
    expect("the answer to another user, checkpoint and name", "SUBSCRIBED", again.first["type"])
    known = mesos.until("the master knows the new name", lambda: [f for f in mesos.get("/master/state")["frameworks"] if f["name"] == "after"])[0]
    expect("the user that the master keeps", "root", known["user"])
    expect("the checkpoint that the master keeps", True, known["checkpoint"])

    def update(**changes):
        return again.call("UPDATE_FRAMEWORK", framework_info={**again.info, "user": "root", "checkpoint": True, **changes})

    status, text = update(user="daemon")
    expect("UPDATE_FRAMEWORK with another user", (400, True), (status, "Updating 'FrameworkInfo.user' is unsupported" in text))
    status, text = update(checkpoint=False)
    expect("UPDATE_FRAMEWORK with another checkpoint", (400, True), (status, "Updating 'FrameworkInfo.checkpoint' is unsupported" in text))
    expect("UPDATE_FRAMEWORK with another name", 200, update(name="later")[0])
    principal = Framework(mesos, user="root", checkpoint=True, principal="somebody", id=first.id)
    expect("subscribing again with another principal", "ERROR", principal.first["type"])
verdict()
PYTHON
