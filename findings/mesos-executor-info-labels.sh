#!/usr/bin/env bash
# Two tasks for one executor must repeat its ExecutorInfo exactly, except for the labels, which may differ.
#
# Seen with Mesos 1.11.0. Another command, name, data or resources under the executor_id of a running executor: TASK_ERROR, REASON_TASK_INVALID,
# "ExecutorInfo is not compatible". Other labels: both tasks run in the first executor. One would expect labels to be compared too.
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
from mesos import Framework, Mesos, executor, expect, heard, task, verdict

with Mesos() as mesos:
    framework = Framework(mesos)

    def run(id, **more):
        offer = framework.offer()
        framework.launch(offer, task(offer, id, {**executor("e", "obeys", framework), **more}))
        status = framework.status(20)
        return status["state"], status.get("reason")

    def labels(value):
        return {"labels": {"labels": [{"key": "of", "value": value}]}}

    expect("the first task", ("TASK_RUNNING", None), run("one", **labels("one")))
    expect("the same executor with other labels", ("TASK_RUNNING", None), run("two", **labels("two")))
    expect("the same executor with another name", ("TASK_ERROR", "REASON_TASK_INVALID"), run("three", name="another", **labels("one")))
    expect("tasks that the executor was given", 2, len(heard("e", "LAUNCH")))
    known = mesos.get("/master/state")["frameworks"][0]["tasks"]
    expect("executors of these tasks", {"e"}, {task["executor_id"] for task in known})
verdict()
PYTHON
