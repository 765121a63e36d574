#!/usr/bin/env bash
# Quantities have three decimals. Each task's are rounded before they are summed, and /state shows them as they were requested.
#
# Seen with Mesos 1.11.0. 0.0005 CPUs count as 0.001 and run; 0.0004 is refused as "value <= 0" although it is more than zero. Ten tasks
# of 0.0005 therefore take twice what their sum is. One would expect either exact sums, or the rounded value in /state too.
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
from mesos import Framework, Mesos, executor, expect, task, verdict

with Mesos() as mesos:
    framework = Framework(mesos)
    offer = framework.offer()
    runner = executor("e", "obeys", framework, resources=[])
    small = executor("small", "obeys", framework)
    tasks = [task(offer, "t%d" % i, small, cpus=0.0005, mem=31.4) for i in range(10)]
    framework.launch(offer, *tasks)
    for _ in tasks:
        framework.status(20, "TASK_RUNNING")
    used = mesos.until("the master counts them", lambda: mesos.agents()[0]["used_resources"])
    expect("CPUs taken by ten tasks of 0.0005 and an executor of 0.1", 0.11, used["cpus"])
    shown = mesos.get("/master/state")["frameworks"][0]["tasks"][0]["resources"]
    expect("CPUs of one of them in /state", 0.0005, shown["cpus"])
    offer = framework.offer()
    left = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if r["type"] == "SCALAR"}
    expect("CPUs offered then, of 4", 3.89, left["cpus"])
    expect("MB offered then, of 2048, with ten times 31.4 and once 32 taken", 1702.0, left["mem"])
    framework.launch(offer, task(offer, "tiny", executor("tiny", "obeys", framework), cpus=0.0004))
    status = framework.status(20, "TASK_ERROR")
    expect("0.0004 CPUs", True, "Invalid scalar resource: value <= 0" in status["message"])
verdict()
PYTHON
