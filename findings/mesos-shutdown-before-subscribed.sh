#!/usr/bin/env bash
# An executor whose only task is killed before it subscribes gets SHUTDOWN as its first and only event, without SUBSCRIBED. Until
# it subscribes, nothing ends it.
#
# Seen with Mesos 1.11.0. The task ends as TASK_KILLED "Killed before delivery to the executor" at once. The API's documentation says
# that SUBSCRIBED is the first event of a subscription; an executor that ignores all others until then never ends by
# itself. One would also expect the agent to end a process that has nothing to do: it still runs, and holds its resources, until
# the agent's --executor_registration_timeout (1 min by default).
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
import json, time
from mesos import WORK, Framework, Mesos, executor, expect, task, verdict


def events():
    return [json.loads(line)["type"] for line in file.read_text().splitlines()] if file.exists() else []


file = WORK / "e.jsonl"
with Mesos() as mesos:
    framework = Framework(mesos)
    offer = framework.offer()
    framework.launch(offer, task(offer, "t", executor("e", "waits", framework)))
    mesos.until("the executor waits", lambda: (WORK / "e.jsonl.waits").exists())
    framework.call("KILL", task_id={"value": "t"}, agent_id=offer["agent_id"])
    status = framework.status(20)
    seen = (status["state"], status["source"], status["message"])
    expect("the status", ("TASK_KILLED", "SOURCE_AGENT", "Killed before delivery to the executor"), seen)
    expect("FAILURE at the scheduler within 8 s", None, framework.events.next(8, "FAILURE"))
    (WORK / "e.jsonl.go").touch()
    mesos.until("the executor has an event", events)
    time.sleep(1)
    expect("the events of the executor, which subscribes only now", ["SHUTDOWN"], events())
verdict()
PYTHON
