#!/usr/bin/env bash
# slot.request.timeout says how long a job waits for slots, but in a standalone JobManager this holds only while the JobManager is young.
#
# Seen with Flink 1.20.5 and 2.3.0. After resourcemanager.standalone.start-up-time, counted from the JobManager's start and by default as long as
# slot.request.timeout, a job that lacks slots fails at once, however long the timeout. So each lost TaskManager costs a job restart attempts
# from the sixth minute on, and none before. The value 0 does not mean "at once": it switches this early failure off. One
# would expect the timeout to hold for a JobManager of any age.
. "$(dirname "$0")/lib/common.sh"
flinks 1 2
parts flink-1 flink-2 jobs
cat >"$work/run.py" <<'PYTHON'
"""usage: run.py HOME JAR WORK START-UP-TIME TIMEOUT: the seconds until a job without any TaskManager is FAILED."""
import json, os, pathlib, shutil, socket, subprocess, sys, tempfile, time, urllib.error, urllib.request

home, jar, work, start_up, timeout = sys.argv[1:]
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
conf = pathlib.Path(tempfile.mkdtemp(dir=work))
shutil.copy(home + "/conf/log4j-console.properties", conf)
(conf / "config.yaml").write_text("".join("%s: %s\n" % option for option in {
    "jobmanager.rpc.address": "localhost", "jobmanager.rpc.port": 0, "rest.port": port, "rest.address": "localhost",
    "rest.bind-address": "localhost", "io.tmp.dirs": conf, "restart-strategy.type": "none",
    "slot.request.timeout": timeout, "resourcemanager.standalone.start-up-time": start_up}.items()))


def ask(path, body=None, kind="application/json"):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), data=body, headers={"Content-Type": kind})
    try:
        return json.loads(urllib.request.urlopen(request, timeout=10).read())
    except urllib.error.HTTPError as refusal:
        raise OSError(refusal.read().decode()[:2000]) from refusal


def until(ask, patience=60):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if answer := ask():
                return answer
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("finding: waited in vain; see " + str(conf))


log = open(conf / "log", "w")
opens = ["--add-opens=java.base/%s=ALL-UNNAMED" % package for package in ("java.util", "java.lang", "java.lang.invoke", "java.util.concurrent")]
java = ["java", *opens, "-cp", home + "/lib/*", "-Xmx400m", "-XX:TieredStopAtLevel=1", "-Dlog4j.configurationFile=%s/log4j-console.properties" % conf,
        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "--configDir", str(conf)]
process = subprocess.Popen(java, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
try:
    until(lambda: ask("/overview"))
    time.sleep(6)  # the JobManager has to be older than its start-up time
    body = b"--x\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"job.jar\"\r\n\r\n" + pathlib.Path(jar).read_bytes() + b"\r\n--x--\r\n"
    uploaded = ask("/jars/upload", body, "multipart/form-data; boundary=x")["filename"].rsplit("/", 1)[1]
    started = time.monotonic()
    job = ask("/jars/%s/run" % uploaded, json.dumps({"programArgsList": ["never"]}).encode())["jobid"]
    until(lambda: any(known["jid"] == job and known["state"] == "FAILED" for known in ask("/jobs/overview")["jobs"]))
    print(int(time.monotonic() - started))
finally:
    process.terminate()
    process.wait()
PYTHON

# The time is told in classes, since machines differ.
class() { if [ "$1" -lt 12 ]; then echo "at once"; elif [ "$1" -ge 19 ]; then echo "after the timeout"; else echo "after $1 s"; fi; }
for home in "$flink_1" "$flink_2"; do
  name=$(basename "$home") jar=$packages/jobs/endings-${home##*flink-}.jar
  over=$(python3 "$work/run.py" "$home" "$jar" "$work" "5 s" "20 s")
  expect "$name, timeout 20 s, older than the start-up time: the job fails" "at once" "$(class "$over")"
  off=$(python3 "$work/run.py" "$home" "$jar" "$work" "0 s" "20 s")
  expect "$name, timeout 20 s, start-up time 0: the job fails" "after the timeout" "$(class "$off")"
done
verdict
