//! Logs of the JobManager and of TaskManagers, for operators.

use std::{
    collections::HashMap,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use scheduler::core::cause::Cause;
use tokio::{sync::oneshot, task::spawn_blocking};

use super::Shell;
use crate::{
    abbreviation::{self, Meant},
    control::{
        Answer, Refusal,
        logs::{LogFile, LogPart, LogRequest, MOST, begin},
    },
    sandbox::Sandbox,
};

/// What stands for the JobManager.
const JOB_MANAGER: &str = "jobmanager";

/// Addresses of agents that were looked up, by agent.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<String, String>>>);

impl Addresses {
    fn get(&self, agent: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(agent).cloned()
    }

    /// Remembers an address at which an agent has answered, and forgets one at which it did not: an
    /// agent may come back at another one.
    fn learn(&self, agent: String, address: String, has_answered: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if has_answered {
            known.insert(agent, address);
        } else {
            known.remove(&agent);
        }
    }
}

impl Shell<'_> {
    /// Answers with a part of a log. Reading it delays nothing else.
    pub(super) fn answer_log(&self, request: LogRequest, answer: oneshot::Sender<Answer>) {
        if request.of == JOB_MANAGER {
            if request.file == LogFile::Executor {
                let why = "the JobManager has no executor: its logs are log, out and err";
                _ = answer.send(Err(Refusal::Mistake(why.to_owned())));
                return;
            }
            let Some(log) = &self.logs else {
                let why = "somebody else runs the JobManager, and its log is on its machine: see its web page, or \
                           `/jobmanager/log` of its REST API";
                _ = answer.send(Err(Refusal::Unavailable(why.to_owned())));
                return;
            };
            return answer_file(log.with_extension(request.file.ending()), request, answer);
        }
        match self.place(&request.of) {
            Err(why) => _ = answer.send(Err(Refusal::Mistake(why))),
            Ok((worker, agent)) => self.answer_sandbox(worker, agent, request, answer),
        }
    }

    fn answer_sandbox(
        &self,
        worker: String,
        agent: String,
        request: LogRequest,
        answer: oneshot::Sender<Answer>,
    ) {
        let Some(framework) = self.view.framework.clone() else {
            let why = "Mesos has not registered the framework yet";
            _ = answer.send(Err(Refusal::Unavailable(why.to_owned())));
            return;
        };
        let mut sandbox = Sandbox { agent: String::new(), framework, worker };
        if let Some(mesos) = &self.local_mesos {
            let below = sandbox.path(request.file);
            let path = mesos.join("slaves").join(&agent).join(below.trim_start_matches('/'));
            return answer_file(path, request, answer);
        }
        let (addresses, look_up) = (self.addresses.clone(), self.driver.agent_address(&agent));
        tokio::spawn(async move {
            let address = match addresses.get(&agent) {
                Some(address) => Some(address),
                None => look_up.await,
            };
            let Some(address) = address else {
                let why = format!("the Mesos master does not show where the agent {agent} is");
                _ = answer.send(Err(Refusal::Unavailable(why)));
                return;
            };
            sandbox.agent.clone_from(&address);
            let read = sandbox.read(&request).await;
            addresses.learn(agent, address, read.is_ok());
            _ = answer.send(shown(read));
        });
    }

    /// The TaskManager that is meant, and its agent. One that has ended is in the history.
    fn place(&self, given: &str) -> Result<(String, String), String> {
        let core = self.driver.core();
        let live = core.workers().values().map(|worker| (&worker.record.id, &worker.record.place));
        let ended = core.history().iter().filter_map(|step| match &step.cause {
            Cause::Launched(place) => Some((&step.worker, place)),
            _ => None,
        });
        let all: HashMap<&str, &str> =
            ended.chain(live).map(|(id, place)| (id.as_str(), place.agent.as_str())).collect();
        match abbreviation::worker(given, all.keys().copied()) {
            Meant::One(id) => Ok((id.clone(), all[id.as_str()].to_owned())),
            Meant::Several(ids) => {
                Err(format!("{given:?} stands for several TaskManagers: {}", ids.join(", ")))
            }
            Meant::Nothing => Err(format!(
                "no TaskManager {given:?} is known; `flink-mesos workers history` shows all, and the JobManager is called {JOB_MANAGER}"
            )),
        }
    }
}

fn answer_file(path: PathBuf, request: LogRequest, answer: oneshot::Sender<Answer>) {
    tokio::spawn(async move {
        let read = spawn_blocking(move || read(&path, &request)).await;
        _ = answer.send(shown(read.map_err(|error| error.to_string()).flatten()));
    });
}

fn shown(part: Result<LogPart, String>) -> Answer {
    part.and_then(|part| serde_json::to_value(part).map_err(|error| error.to_string()))
        .map_err(Refusal::Unavailable)
}

/// Reads a part of a file. Blocks.
fn read(path: &Path, request: &LogRequest) -> Result<LogPart, String> {
    let read = || -> io::Result<LogPart> {
        // The job's code could have put a pipe there, and nothing may wait for that.
        let file = common::files::open(path)?;
        let size = file.metadata()?.len();
        let offset = begin(request.offset, size);
        let length = MOST.min(size - offset);
        let mut data = vec![0; usize::try_from(length).unwrap_or_default()];
        let count = file.file().read_at(&mut data, offset)?;
        Ok(LogPart::new(request, offset, &data[..count], size))
    };
    read().map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_an_agent_is_asked_for_again_once_it_has_not_answered() {
        let addresses = Addresses::default();
        addresses.learn("S1".to_owned(), "a:5051".to_owned(), true);
        assert_eq!(addresses.get("S1").as_deref(), Some("a:5051"));
        addresses.learn("S1".to_owned(), "a:5051".to_owned(), false);
        assert_eq!(addresses.get("S1"), None);
    }

    #[test]
    fn the_job_managers_log_is_read_part_by_part_and_its_growth_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobmanager-8081.log");
        let request = |file, offset| LogRequest { of: JOB_MANAGER.to_owned(), file, offset };
        fs_err::write(&path, "one\n").unwrap();
        let first = read(&path, &request(LogFile::Log, None)).unwrap();
        assert_eq!((first.text.as_str(), first.next), ("one\n", 4));
        fs_err::write(&path, "one\ntwo\n").unwrap();
        let second = read(&path, &request(LogFile::Log, Some(first.next))).unwrap();
        assert_eq!((second.text.as_str(), second.next, second.size), ("two\n", 8, 8));
        let out = path.with_extension(LogFile::Out.ending());
        let error = read(&out, &request(LogFile::Out, None)).unwrap_err();
        assert!(error.contains("jobmanager-8081.out"), "{error}");
        let device = read(Path::new("/dev/zero"), &request(LogFile::Log, None)).unwrap_err();
        assert!(device.contains("/dev/zero"), "only regular files are read: {device}");
    }
}
