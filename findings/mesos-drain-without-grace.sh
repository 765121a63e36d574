#!/usr/bin/env bash
# A drain sends executors its grace only if that shortens theirs, and enforces none: an executor that takes longer is left alone.
#
# Seen with Mesos 1.11.0. DRAIN_AGENT with max_grace_period: the KILL carries it as kill_policy if the task has no policy or a
# longer grace; if the task's own is shorter, the KILL carries no kill_policy at all, not the task's. After the grace nothing ends
# the executor. `{"nanoseconds": ...}`, the form of the API's other durations, is accepted with 200 and means zero, since this one is
# a google.protobuf.Duration. One would expect the smaller of the two graces in the KILL.
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
import time
from mesos import Framework, Mesos, executor, expect, heard, task, verdict


def policy(seconds):
    return {"kill_policy": {"grace_period": {"nanoseconds": seconds * 10**9}}}


with Mesos() as mesos:
    framework = Framework(mesos)
    offer = framework.offer()
    own = {"none": {}, "shorter": policy(2), "longer": policy(100)}
    framework.launch(offer, *(task(offer, name, executor(name, "sits", framework), **more) for name, more in own.items()))
    for _ in own:
        framework.status(20, "TASK_RUNNING")
    drained = mesos.operate("DRAIN_AGENT", agent_id={"value": mesos.agent_id}, max_grace_period={"seconds": 3})
    expect("the answer to DRAIN_AGENT", 200, drained[0])
    started = time.monotonic()

    def kill(name):
        return mesos.until("%s is killed" % name, lambda: heard(name, "KILL"))[0]["kill"].get("kill_policy", {})

    expect("the KILL's grace, task without a policy", {"grace_period": {"nanoseconds": 3 * 10**9}}, kill("none"))
    expect("the KILL's grace, task's own 100 s", {"grace_period": {"nanoseconds": 3 * 10**9}}, kill("longer"))
    expect("the KILL's grace, task's own 2 s", {}, kill("shorter"))
    late = framework.status(10 - (time.monotonic() - started))
    expect("the next status within 10 s, from executors that do not obey", None, late)
    expect("the agent's state then", "DRAINING", mesos.agents()[0]["drain_info"]["state"])
    answer = mesos.operate("DRAIN_AGENT", agent_id={"value": mesos.agent_id}, max_grace_period={"nanoseconds": 3 * 10**9})
    expect("the answer to a grace in nanoseconds", 200, answer[0])
    expect("that grace as the master keeps it", {"nanoseconds": 0}, mesos.agents()[0]["drain_info"]["config"]["max_grace_period"])
verdict()
PYTHON
