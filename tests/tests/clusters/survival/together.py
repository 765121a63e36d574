#!/usr/bin/python3
"""A stand-in for java in tests of several clusters on one machine: processes that listen on all ports of their
configuration, and TaskManagers that register at the JobManager of theirs by staying connected to its RPC port."""
import http.server, json, os, pathlib, re, signal, socket, sys, threading

conf = pathlib.Path(sys.argv[sys.argv.index("--configDir") + 1])
text = next(conf / name for name in ("config.yaml", "flink-conf.yaml") if (conf / name).exists()).read_text()
registered = {}


def option(key):
    found = re.search(r"^[\"']?%s[\"']?\s*:\s*[\"']?([^\"'\s]+)" % re.escape(key), text, re.M)
    return found.group(1)


class JobManager(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = {}
        if self.path.endswith("/taskmanagers"):
            answer = {"taskmanagers": [{"id": id, "path": path} for id, path in list(registered.items())]}
        if self.path.endswith("/jobmanager/config"):
            answer = [{"key": "flink-mesos.instance", "value": option("flink-mesos.instance")}]
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def register(connection):
    lines = connection.makefile()
    id, path = json.loads(lines.readline())
    registered[id] = path
    lines.read()
    del registered[id]


def accept(listener):
    while True:
        threading.Thread(target=register, args=listener.accept()[:1], daemon=True).start()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
rpc = int(option("jobmanager.rpc.port"))
if any(argument.endswith("StandaloneSessionClusterEntrypoint") for argument in sys.argv):
    threading.Thread(target=accept, args=[socket.create_server(("", rpc))], daemon=True).start()
    http.server.ThreadingHTTPServer(("", int(option("rest.port"))), JobManager).serve_forever()
ports = [socket.create_server(("", int(option(f"taskmanager.{name}.port")))) for name in ("rpc", "data")]
connection = socket.create_connection((option("jobmanager.rpc.address"), rpc))
connection.sendall((json.dumps([option("taskmanager.resource-id"), os.getcwd()]) + "\n").encode())
connection.recv(1)
