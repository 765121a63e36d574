"""The real Mesos and a small client of its v1 API (JSON), for the findings; Python's own library alone."""
import http.client, json, os, pathlib, queue, signal, socket, subprocess, sys, threading, time

HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
CHANGED = []
# Where the real Mesos is, and the temporary folder: told by `on_mesos` in common.sh.
PACKAGES, WORK = map(pathlib.Path, sys.argv[1:])


def expect(what, expected, seen):
    """Compares, and remembers what has changed; `verdict` fails then."""
    if expected == seen:
        print("as stated  %s: %s" % (what, seen))
    else:
        print("CHANGED    %s: expected %s, seen %s" % (what, expected, seen))
        CHANGED.append(what)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Mesos:
    """One master and one agent; `attributes` and `resources` are the agent's flags."""

    def __init__(self, attributes="", resources="cpus:4;mem:2048;disk:4096;ports:[31000-31099]"):
        self.home = PACKAGES / "mesos/bin"
        self.processes, self.port, self.agent_port = [], free_port(), free_port()
        common = ["--ip=127.0.0.1", "--hostname=127.0.0.1"]
        self._start("mesos-master", *common, "--port=%d" % self.port, "--work_dir=%s/master" % WORK,
                    "--webui_dir=%s" % WORK, "--allocation_interval=100ms")
        self.until("the master answers", lambda: self.get("/master/state"))
        folders = ["--%s=%s/agent/%s" % (flag, WORK, flag) for flag in
                   ("work_dir", "runtime_dir", "fetcher_cache_dir", "docker_store_dir", "appc_store_dir")]
        self._start("mesos-agent", *common, *folders, "--port=%d" % self.agent_port,
                    "--master=127.0.0.1:%d" % self.port, "--launcher_dir=%s" % self.home, "--launcher=posix",
                    "--containerizers=mesos", "--isolation=posix/cpu,posix/mem,filesystem/posix",
                    "--systemd_enable_support=false", "--switch_user=false", "--registration_backoff_factor=10ms",
                    "--resources=" + resources, *(["--attributes=" + attributes] if attributes else []))
        self.agent_id = self.until("the agent is registered", lambda: self.agents()[0]["id"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGUSR1)  # an agent ends its executors then
            process.wait()

    def _start(self, program, *arguments):
        log = open(WORK / (program + ".log"), "w")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MESOS_", "LIBPROCESS_"))}
        self.processes.append(subprocess.Popen([self.home / program, *arguments], stdout=log, stderr=log,
                                               stdin=subprocess.DEVNULL, env=environment, start_new_session=True))

    def until(self, what, ask, patience=30):
        """Asks until there is an answer."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                if answer := ask():
                    return answer
            except (OSError, LookupError, ValueError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise SystemExit("finding: waited in vain until %s; logs: %s" % (what, WORK))

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())

    def agents(self):
        return self.get("/master/slaves")["slaves"]

    def operate(self, kind, **body):
        """A call of the operator API: status and text of the answer."""
        return post(self.port, "/api/v1", {"type": kind, kind.lower(): body})[:2]

    def log_has(self, program, text):
        return text in (WORK / (program + ".log")).read_text(errors="replace")


def post(port, path, call, headers=None):
    """Status, text and headers of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, json.dumps(call), {**HEADERS, **(headers or {})})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace"), answer.headers


class Events:
    """The events of a subscription, read by a thread of their own; None when the stream has ended."""

    def __init__(self, port, path, call):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.connection.request("POST", path, json.dumps(call), HEADERS)
        self.answer = self.connection.getresponse()
        self.status, self.waiting, self.passed_over = self.answer.status, queue.Queue(), []
        self.text = self.answer.read().decode() if self.status != 200 else ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while self.status == 200 and (header := self.answer.readline()):
                length, record = int(header), b""
                while len(record) < length:
                    record += self.answer.read(length - len(record))
                self.waiting.put(json.loads(record))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.waiting.put(None)

    def next(self, patience, *kinds):
        """The next event of one of these kinds, None when there is none within so many seconds; others stay for later."""
        for event in self.passed_over:
            if not kinds or event["type"] in kinds:
                self.passed_over.remove(event)
                return event
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            try:
                event = self.waiting.get(timeout=left)
            except queue.Empty:
                return None
            if event is None or not kinds or event["type"] in kinds:
                return event
            self.passed_over.append(event)
        return None

    def close(self):
        self.connection.sock.shutdown(socket.SHUT_RDWR)


class Framework:
    """A scheduler: it acknowledges every status update that it is shown."""

    def __init__(self, mesos, constraints=None, **info):
        self.mesos = mesos
        self.info = {"user": "root", "name": "finding", "roles": ["*"], "failover_timeout": 60,
                     "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}], **info}
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}}
        if constraints:
            call["subscribe"]["offer_constraints"] = constraints
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        self.events = Events(mesos.port, "/api/v1/scheduler", call)
        self.first = self.events.next(10) or {"type": None}
        self.id = self.first.get("subscribed", {}).get("framework_id")

    def call(self, kind, **body):
        """Status and text of the answer to a call."""
        call = {"type": kind, "framework_id": self.id, **({kind.lower(): body} if body else {})}
        return post(self.mesos.port, "/api/v1/scheduler", call, {"Mesos-Stream-Id": self.events.answer.headers["Mesos-Stream-Id"]})[:2]

    def offer(self, patience=15):
        event = self.events.next(patience, "OFFERS")
        return event and event["offers"]["offers"][0]

    def launch(self, offer, *tasks):
        return self.call("ACCEPT", offer_ids=[offer["id"]], filters={"refuse_seconds": 0},
                         operations=[{"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}])

    def status(self, patience, *states):
        """The next status of one of these states (of any when none is named), acknowledged."""
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            event = self.events.next(left, "UPDATE")
            if not event:
                return None
            status = event["update"]["status"]
            if "uuid" in status:
                self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"])
            if not states or status["state"] in states:
                return status
        return None


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


def task(offer, name, executor, cpus=0.5, mem=64, **more):
    return {"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"], "executor": executor,
            "resources": [scalar("cpus", cpus), scalar("mem", mem)], **more}


def executor(name, behaviour, framework, **more):
    """An executor that behaves as lib/executor.py says there, and writes what it hears to NAME.jsonl in WORK."""
    script = pathlib.Path(__file__).with_name("executor.py")
    command = "exec python3 -B %s %s %s/%s.jsonl" % (script, behaviour, WORK, name)
    return {"type": "CUSTOM", "executor_id": {"value": name}, "framework_id": framework.id, "command": {"value": command},
            "resources": [scalar("cpus", 0.1), scalar("mem", 32)], **more}


def heard(name, kind):
    """The events of this kind that the executor has written down."""
    try:
        lines = (WORK / (name + ".jsonl")).read_text().splitlines()
    except OSError:
        return []
    return [event for event in map(json.loads, lines) if event["type"] == kind]


def verdict():
    """The last call of each finding."""
    if CHANGED:
        raise SystemExit("This finding no longer holds: see the lines above.")
