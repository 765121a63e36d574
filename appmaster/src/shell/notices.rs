//! Reports the core's notices to people.

use scheduler::core::message::Notice;
use serde_json::json;

use super::Shell;

impl Shell<'_> {
    pub(super) fn notice(&mut self, notice: Notice) {
        let console = self.console;
        match notice {
            Notice::Launched(worker, place) => {
                let host = &place.hostname;
                let text = format!("{worker} launched on {host}");
                console.report(
                    "launched",
                    &text,
                    json!({ "worker": worker.as_str(), "host": host }),
                );
            }
            Notice::Progress(worker, text) => {
                tracing::info!("{worker}: {text}");
                console.waiting(&format!("{worker}: {text}"));
            }
            Notice::Running(worker) => {
                console.report(
                    "running",
                    &format!("{worker} runs"),
                    json!({ "worker": worker.as_str() }),
                );
                console.waiting(&format!("Waiting for {worker} to register"));
            }
            Notice::Registered(worker) => {
                self.view.registered.insert(worker.clone());
                let (there, wanted) = (self.view.registered.len(), self.view.wanted);
                let more = if there > wanted {
                    format!("{there}, {wanted} wanted")
                } else {
                    format!("{there} of {wanted}")
                };
                let text = format!("{worker} registered with the JobManager ({more})");
                console.report(
                    "registered-worker",
                    &text,
                    json!({ "worker": worker.as_str(), "registered": there }),
                );
                self.report_if_ready();
            }
            Notice::Unreachable(worker) => {
                let text = format!("{worker} is unreachable");
                console.report("unreachable", &text, json!({ "worker": worker.as_str() }));
            }
            Notice::Gone(worker, why) => {
                self.server.revoke(worker.as_str());
                self.view.registered.remove(&worker);
                let text = format!("{worker} is gone: {why}");
                console.report("gone", &text, json!({ "worker": worker.as_str(), "reason": why }));
            }
            Notice::Killing(worker, why) => {
                let text = format!("{worker} is being stopped: {why}");
                console.report(
                    "killing",
                    &text,
                    json!({ "worker": worker.as_str(), "reason": why }),
                );
            }
            Notice::Starved(why) => {
                let text = format!("No TaskManager can be launched yet: {why}");
                console.report("starved", &text, json!({ "reason": why }));
                console.waiting(&text);
            }
            Notice::Waiting(delay, why) => {
                let text = format!(
                    "TaskManagers keep failing; the next is launched in {delay:.0?}. Last: {why}"
                );
                console.report(
                    "waiting",
                    &text,
                    json!({ "seconds": delay.as_secs_f64(), "reason": why }),
                );
            }
            Notice::StoreAway => {
                let text = "Cannot persist state: running TaskManagers are unaffected, but nothing is launched or replaced until the store recovers.";
                console.report("store-away", text, json!({}));
            }
            Notice::StoreBack => {
                console.report("store-back", "State is persisted again.", json!({}));
            }
            Notice::Unknown(worker) => {
                let text = format!("Killing unknown task {worker}");
                console.report("unknown", &text, json!({ "worker": worker.as_str() }));
            }
            Notice::NewEpoch(epoch) => {
                let text = format!(
                    "Worker numbers are used up: ids continue with taskmanager-{epoch}-00001"
                );
                console.report("new-epoch", &text, json!({ "epoch": epoch }));
            }
            Notice::OtherFiles(workers) => {
                let which =
                    if workers == 1 { "The TaskManager keeps" } else { "The TaskManagers keep" };
                let text = format!(
                    "{which} the logging configuration and other files of the earlier start; `flink-mesos workers restart` \
                     replaces them"
                );
                console.report("other-files", &text, json!({ "workers": workers }));
            }
            Notice::FrameworkLost => {
                let text = "Mesos has removed the framework; registering a new one.";
                console.report("framework-lost", text, json!({}));
            }
        }
    }

    /// Reports once that all TaskManagers are registered.
    pub(super) fn report_if_ready(&mut self) {
        let view = &mut self.view;
        if !view.job_manager_up || view.registered.len() < view.wanted {
            return;
        }
        self.console.settled();
        if std::mem::replace(&mut view.told_ready, true) {
            return;
        }
        let plural = if view.registered.len() == 1 { "" } else { "s" };
        let text = format!(
            "Flink is ready with {} TaskManager{plural}. Web page: {}",
            view.registered.len(),
            self.web
        );
        let fields = json!({ "web": self.web, "workers": view.registered.len() });
        self.console.report("ready", &text, fields);
    }
}
