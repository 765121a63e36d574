"""A framework on the third-party package avmesos: runs one task, kills it, ends.

usage: scheduler.py http://MASTER [PRINCIPAL SECRET]. Prints what it sees, one JSON object a line.
"""

import json
import os
import sys

from avmesos.client import MesosClient

# The client sees an event only when the next one begins: offers that come again soon keep it going, and at first the
# answer about a task that nobody knows.
SOON = {"filters": {"refuse_seconds": 0.0}}
EXECUTOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "executor.py")


def report(**what):
    print(json.dumps(what), flush=True)


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


def task(offer):
    little = [scalar("cpus", 0.1), scalar("mem", 32)]
    return {
        "name": "task",
        "task_id": {"value": "task"},
        "agent_id": offer["agent_id"],
        "resources": little,
        "executor": {
            "executor_id": {"value": "executor"},
            "resources": little,
            "command": {"shell": False, "value": sys.executable, "arguments": ["python", EXECUTOR]},
        },
    }


class Framework:
    def __init__(self, master, *credentials):
        self.launched = False
        self.client = MesosClient(mesos_urls=[master], frameworkName="third party", max_reconnect=1)
        if credentials:
            # What set_credentials() takes goes into the call, not into the header.
            self.client.requests_auth = credentials
        self.client.add_capability("PARTITION_AWARE")
        self.client.on(MesosClient.SUBSCRIBED, self.subscribed)
        self.client.on(MesosClient.OFFERS, self.offers)
        self.client.on(MesosClient.UPDATE, self.update)
        self.client.on(MesosClient.ERROR, lambda error: report(error=error))

    def subscribed(self, driver):
        self.driver = driver
        report(subscribed=self.client.get_master_info()["version"])
        driver.reconcile([{"task_id": {"value": "nobody's"}}])

    def offers(self, offers):
        for offer in offers:
            if self.launched:
                offer.decline(SOON)
                continue
            self.launched = True
            description = offer.get_offer()
            report(offered=sorted(resource["name"] for resource in description["resources"]))
            offer.accept([task(description)], SOON)

    def update(self, update):
        # The client has acknowledged it by now.
        status = update["status"]
        if status["task_id"]["value"] != "task":
            return
        report(state=status["state"], message=status.get("message"))
        if status["state"] == "TASK_RUNNING":
            self.driver.kill(status["agent_id"]["value"], "task")
        else:
            self.client.stop = True
            self.driver.tearDown()


Framework(*sys.argv[1:]).client.register()
report(ended=True)
