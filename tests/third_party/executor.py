"""A small executor in JSON with only Python's standard library: runs its task until it is killed."""

import base64
import http.client
import json
import os
import uuid

ENDPOINT = os.environ["MESOS_AGENT_ENDPOINT"]
PATH = "/" + os.environ["MESOS_SLAVE_PID"].split("@")[0] + "/api/v1/executor"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
if "MESOS_EXECUTOR_AUTHENTICATION_TOKEN" in os.environ:
    HEADERS["Authorization"] = "Bearer " + os.environ["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]


def post(kind, **body):
    call = {
        "type": kind,
        "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
        "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
        kind.lower(): body,
    }
    connection = http.client.HTTPConnection(ENDPOINT)
    connection.request("POST", PATH, json.dumps(call), HEADERS)
    return connection, connection.getresponse()


def update(task_id, state):
    status = {
        "task_id": task_id,
        "state": state,
        "source": "SOURCE_EXECUTOR",
        "message": "by " + state,
        "uuid": base64.b64encode(uuid.uuid4().bytes).decode(),
    }
    connection, response = post("UPDATE", status=status)
    assert response.status == 202, response.read()
    connection.close()


def events():
    connection, stream = post("SUBSCRIBE")
    assert stream.status == 200, stream.read()
    while header := stream.readline():
        length, record = int(header), b""
        while len(record) < length:
            record += stream.read(length - len(record))
        yield json.loads(record)
    connection.close()


for event in events():
    if event["type"] == "LAUNCH":
        update(event["launch"]["task"]["task_id"], "TASK_RUNNING")
    elif event["type"] == "KILL":
        update(event["kill"]["task_id"], "TASK_KILLED")
    elif event["type"] == "SHUTDOWN":
        break
