"""An executor for the findings. usage: executor.py BEHAVIOUR FILE

obeys     runs its tasks until each is killed
leaves    closes its event stream once its first task runs, and lives on
waits     subscribes once FILE.go exists
sits      reports that its tasks run, and does nothing when they are killed
"""
import base64, json, os, pathlib, sys, time, uuid

from mesos import Events, post

behaviour, file = sys.argv[1:]
port = int(os.environ["MESOS_AGENT_ENDPOINT"].rsplit(":", 1)[1])
path = "/" + os.environ["MESOS_SLAVE_PID"].split("@")[0] + "/api/v1/executor"
ids = {"executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]}, "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]}}


def update(task_id, state):
    status = {"task_id": task_id, "state": state, "source": "SOURCE_EXECUTOR", "uuid": base64.b64encode(uuid.uuid4().bytes).decode()}
    post(port, path, {"type": "UPDATE", **ids, "update": {"status": status}})


if behaviour == "waits":
    pathlib.Path(file + ".waits").touch()
    while not pathlib.Path(file + ".go").exists():
        time.sleep(0.05)
events = Events(port, path, {"type": "SUBSCRIBE", **ids, "subscribe": {}})
log = open(file, "a")
while event := events.next(600):
    log.write(json.dumps(event) + "\n")
    log.flush()
    if event["type"] == "LAUNCH":
        update(event["launch"]["task"]["task_id"], "TASK_RUNNING")
    elif event["type"] == "ACKNOWLEDGED" and behaviour == "leaves":
        events.close()
        pathlib.Path(file + ".left").touch()
        time.sleep(600)
    elif event["type"] == "KILL" and behaviour != "sits":
        update(event["kill"]["task_id"], "TASK_KILLED")
    elif event["type"] == "SHUTDOWN":
        break
