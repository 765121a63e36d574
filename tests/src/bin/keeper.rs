//! Starts the processes of a test, and ends them all whatever happens to the test.
//!
//! It is the subreaper of everything below it: a process whose parent has died becomes its own
//! child, so nothing escapes. Requests are lines of JSON on standard input, with one answer each.
//! When standard input ends (the test asked, panicked or was killed), it kills and reaps everything
//! below it and exits.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::fd::AsFd as _,
    process::{Command, Stdio},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    prctl::set_child_subreaper(true)?;
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block()?;
    let ended_children =
        SignalFd::with_flags(&children, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;

    let mut ended = Vec::new();
    let mut requests = BufReader::new(io::stdin());
    let mut line = String::new();
    loop {
        let input = requests.get_ref().as_fd();
        let mut events = [
            PollFd::new(input, PollFlags::POLLIN),
            PollFd::new(ended_children.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut events, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let asked = events[0].any().unwrap_or(false);
        while ended_children.read_signal()?.is_some() {}
        reap(&mut ended);
        // The other side waits for each answer before it sends the next request, so the buffer is
        // empty.
        if asked {
            line.clear();
            if requests.read_line(&mut line)? == 0 {
                return end_everything();
            }
            let answer = answer(&line, &mut ended);
            let mut out = io::stdout();
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
    }
}

fn answer(line: &str, ended: &mut Vec<(i32, Value)>) -> Value {
    let request: Value = serde_json::from_str(line).unwrap_or_default();
    let pid = request["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    match (request["do"].as_str(), pid) {
        (Some("start"), _) => match start(&request) {
            Ok(pid) => {
                ended.retain(|(before, _)| u32::try_from(*before) != Ok(pid));
                json!({ "pid": pid })
            }
            Err(error) => {
                json!({ "error": format!("cannot start {}: {error}", request["program"]) })
            }
        },
        (Some("signal"), Some(pid)) if ended.iter().any(|(ended, _)| *ended == pid) => json!({}),
        (Some("signal"), Some(pid)) => match signal(&request, pid) {
            Ok(()) => json!({}),
            Err(error) => json!({ "error": format!("cannot signal process {pid}: {error}") }),
        },
        (Some("ended"), Some(pid)) => {
            let how = ended.iter().find(|(ended, _)| *ended == pid).map(|(_, how)| how.clone());
            json!({ "ended": how })
        }
        (Some("living"), _) => json!({ "pids": below(std::process::id()) }),
        _ => json!({ "error": format!("no such request: {line}") }),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this program is the one place where tests start long-lived processes"
)]
fn start(request: &Value) -> io::Result<u32> {
    let strings = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let log = fs_err::OpenOptions::new()
        .create(true)
        .append(true)
        .open(request["log"].as_str().unwrap_or("/dev/null"))?;
    let (log, _path) = log.into_parts();
    let mut command = Command::new(request["program"].as_str().unwrap_or_default());
    command.args(strings(&request["arguments"])).env_clear();
    for variable in request["environment"].as_array().into_iter().flatten() {
        if let [name, value] = strings(variable).as_slice() {
            command.env(name, value);
        }
    }
    if let Some(directory) = request["directory"].as_str() {
        command.current_dir(directory);
    }
    // `reap` waits for all children alike.
    Ok(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?.id())
}

fn signal(request: &Value, pid: i32) -> nix::Result<()> {
    let number = request["signal"]
        .as_i64()
        .and_then(|number| i32::try_from(number).ok())
        .ok_or(Errno::EINVAL)?;
    kill(Pid::from_raw(pid), Signal::try_from(number)?)
}

/// Collects how children ended, so that none stays a zombie.
fn reap(ended: &mut Vec<(i32, Value)>) {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => {
                ended.push((pid.as_raw(), json!({ "code": code })));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                ended.push((pid.as_raw(), json!({ "signal": signal as i32 })));
            }
            Ok(WaitStatus::StillAlive) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// Kills children until there are none left: the children of a killed one become our own.
fn end_everything() -> io::Result<()> {
    loop {
        for pid in children_of(std::process::id()) {
            match kill(Pid::from_raw(pid), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match waitpid(None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// All living processes below `root`.
fn below(root: u32) -> Vec<i32> {
    let mut found: Vec<i32> = children_of(root);
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(u32::try_from(pid).into_iter().flat_map(children_of));
        next += 1;
    }
    found
}

fn children_of(parent: u32) -> Vec<i32> {
    let Ok(processes) = fs_err::read_dir("/proc") else { return Vec::new() };
    let pids = processes
        .map_while(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        parent_and_state(*pid).is_some_and(|(of, state)| of == parent && state != "Z")
    })
    .collect()
}

/// The parent's id and the state from `/proc/<pid>/stat`: the fields after the name, which ends
/// with the last `)`.
fn parent_and_state(pid: i32) -> Option<(u32, String)> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ');
    let state = fields.next()?.to_owned();
    Some((fields.next()?.parse().ok()?, state))
}
