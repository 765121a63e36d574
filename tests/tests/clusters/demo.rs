//! The demo at a terminal, with stand-ins for the cluster and for Flink's command line.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use tests::Line;

/// Runs a command at its own terminal, presses Ctrl-C when the command asks for that, and prints
/// the terminal's output.
const TERMINAL: &str = r#"
import os, pty, signal, sys
child, terminal = pty.fork()
if child == 0:
    # As at a terminal, also where what runs the tests ignores it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
shown, pressed = b"", False
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    shown += data
    if not pressed and b"Press Ctrl-C to end." in shown:
        pressed = os.write(terminal, b"\x03") == 1
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;

const CLUSTER: &str = r#"#!/usr/bin/env python3
import json, signal, sys

def report(event, **more):
    print(json.dumps({"event": event, "text": event + " was reported", **more}), flush=True)

signal.signal(signal.SIGINT, lambda *_: sys.exit(report("ended")))
report("first")
report("second")
report("ready", web="http://127.0.0.1:1")
while True:
    signal.pause()
"#;

const FLINK: &str = r#"#!/usr/bin/env python3
import collections, re, sys
words = collections.Counter(re.findall("[a-z]+", open(sys.argv[-1]).read().lower()))
print("| word | occurrences |")
for word, count in sorted(words.items(), key=lambda item: (-item[1], item[0]))[:10]:
    print("| %s | %d |" % (word, count))
"#;

fn program(path: &Path, text: &str) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, text).unwrap();
    fs_err::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

fn demo() -> Output {
    let folder = tempfile::tempdir().unwrap();
    program(&folder.path().join("target/release/flink-mesos"), CLUSTER);
    program(&folder.path().join(format!("flink-{}/bin/flink", Line::V1_20.version())), FLINK);
    Command::new("python3")
        .args(["-c", TERMINAL, "make", "--old-file=setup", "--old-file=build", "demo"])
        .arg(format!("TARGET={}", folder.path().join("target").display()))
        .env("FLINK_MESOS_CACHE", folder.path())
        .env_remove("MAKEFLAGS")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap()
}

#[test]
fn the_demo_keeps_its_lines_on_the_terminal_and_ctrl_c_ends_it_cleanly() {
    let output = demo();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    for line in [
        "first was reported",
        "second was reported",
        "Counting the words of text.txt",
        "ended was reported",
    ] {
        assert!(shown.contains(&format!("{line}\r\n")), "{line} does not stay: {shown}");
    }
    assert!(
        shown.contains("Ended; no process is left behind.") && !shown.contains("***"),
        "{shown}"
    );
}
