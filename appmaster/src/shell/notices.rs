//! Reports the core's notices to people.

use scheduler::core::{ids::WorkerId, message::Notice};
use serde_json::json;

use super::Shell;

impl Shell<'_> {
    pub(super) fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Registered(worker) => self.worker_registered(worker),
            Notice::Launched(..) => _ = self.metrics.launched.inc(),
            Notice::Gone(worker, _) => {
                self.server.revoke(worker.as_str());
                self.view.registered.remove(worker);
            }
            Notice::Waiting(delay, why, _) => {
                let (until, why) = (self.driver.core().now().after(*delay), delayed(why));
                self.view.trouble.delayed = Some((until, why));
            }
            Notice::StoreAway => self.view.trouble.store_away = true,
            Notice::StoreBack => self.view.trouble.store_away = false,
            _ => {}
        }
        let (registered, wanted) = (self.view.registered.len(), self.driver.core().target());
        let said = match notice {
            Notice::Registered(worker) => Some(registration(worker, registered, wanted)),
            other => of_worker(other).or_else(|| of_cluster(other)),
        };
        if let Some((event, text, fields)) = said {
            self.console.report(event, &text, fields);
        }
        match notice {
            Notice::Progress(worker, text) => {
                tracing::info!("{worker}: {text}");
                self.console.waiting(&format!("{worker}: {text}"));
            }
            Notice::Running(worker) => {
                self.console.waiting(&format!("Waiting for {worker} to register"));
            }
            Notice::Starved(why) => self.console.waiting(&starved(why)),
            Notice::Registered(_) => self.report_if_ready(),
            _ => {}
        }
    }

    /// Reports once that all TaskManagers are registered.
    pub(super) fn report_if_ready(&mut self) {
        let (view, wanted) = (&mut self.view, self.driver.core().target());
        if !view.job_manager_up || view.registered.len() < wanted {
            return;
        }
        self.console.settled();
        if std::mem::replace(&mut view.told_ready, true) {
            return;
        }
        let registered = view.registered.len();
        let count = match registered {
            0 => "; TaskManagers start when jobs need them".to_owned(),
            1 => " with 1 TaskManager".to_owned(),
            many => format!(" with {many} TaskManagers"),
        };
        let text = format!("Flink is ready{count}. Web page: {}", self.web());
        let fields = json!({ "web": self.web, "workers": registered });
        self.console.report("ready", &text, fields);
    }
}

/// The name of an event, its line, and its fields.
type Said = (&'static str, String, serde_json::Value);

fn registration(worker: &WorkerId, registered: usize, wanted: usize) -> Said {
    let more = if registered > wanted {
        format!("{registered}, {wanted} wanted")
    } else {
        format!("{registered} of {wanted}")
    };
    let text = format!("{worker} registered with the JobManager ({more})");
    ("registered-worker", text, json!({ "worker": worker.as_str(), "registered": registered }))
}

/// What is reported about one worker.
fn of_worker(notice: &Notice) -> Option<Said> {
    Some(match notice {
        Notice::Launched(worker, place) => {
            let host = &place.hostname;
            let text = format!("{worker} launched on {host}");
            ("launched", text, json!({ "worker": worker.as_str(), "host": host }))
        }
        Notice::Running(worker) => {
            ("running", format!("{worker} runs"), json!({ "worker": worker.as_str() }))
        }
        Notice::Unreachable(worker) => {
            let text = format!("{worker} is unreachable");
            ("unreachable", text, json!({ "worker": worker.as_str() }))
        }
        Notice::Gone(worker, why) => {
            let text = format!("{worker} is gone: {why}");
            ("gone", text, json!({ "worker": worker.as_str(), "reason": why.to_string() }))
        }
        Notice::Killing(worker, why) => {
            let text = format!("{worker} is being stopped: {why}");
            ("killing", text, json!({ "worker": worker.as_str(), "reason": why.to_string() }))
        }
        Notice::Unknown(worker) => {
            let text = format!("Killing unknown task {worker}");
            ("unknown", text, json!({ "worker": worker.as_str() }))
        }
        Notice::Registered(_)
        | Notice::Progress(..)
        | Notice::Starved(_)
        | Notice::Waiting(..)
        | Notice::StoreAway
        | Notice::StoreBack
        | Notice::NewEpoch(_)
        | Notice::OtherFiles(_)
        | Notice::FrameworkLost => return None,
    })
}

/// What is reported about the cluster.
fn of_cluster(notice: &Notice) -> Option<Said> {
    Some(match notice {
        Notice::Starved(why) => ("starved", starved(why), json!({ "reason": why })),
        Notice::Waiting(delay, why, blame) => {
            let why = format!("{why} (counts against the {})", blame.word());
            let text = format!(
                "TaskManagers keep failing; the next is launched in {delay:.0?}. Last: {why}"
            );
            ("waiting", text, json!({ "seconds": delay.as_secs_f64(), "reason": why }))
        }
        Notice::StoreAway => {
            let text = "Cannot persist state: running TaskManagers are unaffected, but nothing is \
                        launched or replaced until the store recovers.";
            ("store-away", text.to_owned(), json!({}))
        }
        Notice::StoreBack => ("store-back", "State is persisted again.".to_owned(), json!({})),
        Notice::NewEpoch(epoch) => {
            let text =
                format!("Worker numbers are used up: ids continue with taskmanager-{epoch}-00001");
            ("new-epoch", text, json!({ "epoch": epoch }))
        }
        Notice::OtherFiles(workers) => {
            let which =
                if *workers == 1 { "The TaskManager keeps" } else { "The TaskManagers keep" };
            let text = format!(
                "{which} the logging configuration and other files of the earlier start; \
                 `flink-mesos workers restart` replaces them"
            );
            ("other-files", text, json!({ "workers": workers }))
        }
        Notice::FrameworkLost => {
            let text = "Mesos has removed the framework; registering a new one.".to_owned();
            ("framework-lost", text, json!({}))
        }
        Notice::Registered(_)
        | Notice::Progress(..)
        | Notice::Launched(..)
        | Notice::Running(_)
        | Notice::Unreachable(_)
        | Notice::Gone(..)
        | Notice::Killing(..)
        | Notice::Unknown(_) => return None,
    })
}

fn delayed(why: &impl std::fmt::Display) -> String {
    format!("TaskManagers keep failing, and launches are delayed: {why}")
}

fn starved(why: &impl std::fmt::Display) -> String {
    format!("No TaskManager can be launched yet: {why}")
}
