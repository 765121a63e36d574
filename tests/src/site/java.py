#!/usr/bin/python3
"""A stand-in for java in tests of everything around Flink: a JobManager that lists the running TaskManagers, and
TaskManagers that do nothing. `there/<worker>` holds the process id of each."""
import http.server, json, os, pathlib, re, signal, sys, time

there = pathlib.Path(__file__).resolve().parent.parent / "there"
conf = pathlib.Path(sys.argv[sys.argv.index("--configDir") + 1])
text = next(conf / name for name in ("config.yaml", "flink-conf.yaml") if (conf / name).exists()).read_text()


def option(key, default=None):
    found = re.search(r"^[\"']?%s[\"']?\s*:\s*[\"']?([^\"'\s]+)" % re.escape(key), text, re.M)
    return found.group(1) if found else default


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False


class JobManager(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        listed = [{"id": path.name} for path in there.iterdir() if alive(int(path.read_text() or 0))]
        answer = {"taskmanagers": listed} if self.path.endswith("/taskmanagers") else {}
        if self.path.endswith("/jobmanager/config"):
            answer = [{"key": "flink-mesos.instance", "value": option("flink-mesos.instance")}]
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
if any(argument.endswith("StandaloneSessionClusterEntrypoint") for argument in sys.argv):
    (there.parent / "rpc-port").write_text(option("jobmanager.rpc.port"))
    http.server.ThreadingHTTPServer(("", int(option("rest.port"))), JobManager).serve_forever()
own = there / option("taskmanager.resource-id")
assert not own.exists(), "%s is started twice" % own.name
fresh = there.parent / ("new-" + own.name)
fresh.write_text(str(os.getpid()))
fresh.rename(own)
while True:
    time.sleep(3600)
