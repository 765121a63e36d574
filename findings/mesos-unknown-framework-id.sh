#!/usr/bin/env bash
# A framework id that the master never issued is not refused: the framework is subscribed under that very id.
#
# Seen with Mesos 1.11.0 (the library of the Python package mesos.scheduler 1.11.0). The API's documentation mentions an id only
# for a scheduler that reconnects. One would expect an ERROR for an id that no master has issued, as there is one for an id whose
# framework was torn down. So a scheduler with the state of another cluster is accepted, and two clusters can share one id.
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
from mesos import Framework, Mesos, expect, verdict

with Mesos() as mesos:
    for id in ["00000000-never-0000", "another cluster's"]:
        framework = Framework(mesos, id={"value": id})
        expect("the answer to a never issued id", "SUBSCRIBED", framework.first["type"])
        expect("the framework's id", id, framework.id["value"])
    framework.call("TEARDOWN")
    again = Framework(mesos, id={"value": id})
    expect("the answer to the id of a framework torn down", "ERROR", again.first["type"])
    expect("its message", "Framework has been removed", again.first["error"]["message"])
    slash = Framework(mesos, id={"value": "a/b"})
    expect("an id with a slash", "'a/b' contains invalid characters", slash.first["error"]["message"])
verdict()
PYTHON
verdict
