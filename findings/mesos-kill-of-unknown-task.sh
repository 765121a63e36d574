#!/usr/bin/env bash
# The answer to a KILL of an unknown task depends on whether the call names the agent: TASK_GONE with it, TASK_UNKNOWN without.
#
# Seen with Mesos 1.11.0, for a framework with PARTITION_AWARE, about a task that never existed. The documentation of the states says that
# TASK_GONE means a task that ran and is gone for sure. If the named agent is not registered, the answer is TASK_UNKNOWN again. One would
# expect one answer to one question. A scheduler without PARTITION_AWARE gets TASK_LOST each time.
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
from mesos import Framework, Mesos, expect, verdict

with Mesos() as mesos:
    def answer(framework, **agent):
        framework.call("KILL", task_id={"value": "never-launched"}, **agent)
        status = framework.status(10)
        return status["state"], status["reason"], "uuid" in status

    here, elsewhere = {"agent_id": {"value": mesos.agent_id}}, {"agent_id": {"value": mesos.agent_id + "9"}}
    aware, plain = Framework(mesos), Framework(mesos, capabilities=[{"type": "MULTI_ROLE"}])
    expect("no agent named", ("TASK_UNKNOWN", "REASON_RECONCILIATION", False), answer(aware))
    expect("an unknown agent named", ("TASK_UNKNOWN", "REASON_RECONCILIATION", False), answer(aware, **elsewhere))
    expect("a registered agent named", ("TASK_GONE", "REASON_RECONCILIATION", False), answer(aware, **here))
    expect("without PARTITION_AWARE", ("TASK_LOST", "REASON_RECONCILIATION", False), answer(plain, **here))
verdict()
PYTHON
