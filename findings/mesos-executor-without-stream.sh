#!/usr/bin/env bash
# An executor that closes its event stream and keeps running keeps its task RUNNING forever, and each KILL is accepted and lost.
#
# Seen with Mesos 1.11.0. Neither the agent nor the master reports it: no FAILURE, no status, no line in the agent's log. A KILL is
# answered 202, the agent logs "Asked to kill task", and nothing follows. Only the scheduler's call SHUTDOWN ends the
# executor, by SIGKILL after its grace of 5 s. One would expect the agent to wait a while for the executor to reconnect and
# then end it, as it does after its own restart.
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
from mesos import WORK, Framework, Mesos, executor, expect, task, verdict

with Mesos() as mesos:
    framework = Framework(mesos)
    offer = framework.offer()
    framework.launch(offer, task(offer, "t", executor("e", "leaves", framework)))
    framework.status(20, "TASK_RUNNING")
    mesos.until("the executor has left its stream", lambda: (WORK / "e.jsonl.left").exists())
    expect("events within 8 s of that", None, framework.events.next(8, "UPDATE", "FAILURE"))
    expect("the answer to KILL", 202, framework.call("KILL", task_id={"value": "t"}, agent_id=offer["agent_id"])[0])
    mesos.until("the agent logs the KILL", lambda: mesos.log_has("mesos-agent", "Asked to kill task t"))
    expect("events within 8 s of that", None, framework.events.next(8, "UPDATE", "FAILURE"))
    framework.call("SHUTDOWN", executor_id={"value": "e"}, agent_id=offer["agent_id"])
    status = framework.status(20)
    expect("the status after SHUTDOWN", ("TASK_FAILED", "REASON_EXECUTOR_TERMINATED"), (status["state"], status["reason"]))
verdict()
PYTHON
