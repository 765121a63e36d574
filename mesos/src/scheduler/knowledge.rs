//! What the leading master knows of a framework, for those who want to know before they subscribe.

use super::{
    SchedulerError, SchedulerOptions,
    handle::access,
    inquiry::{Inquiry, KnownFramework, RegisteredFramework},
    recognition::STARTED,
};
use crate::master::MasterDetector;

/// What the leading master knows of a framework that was registered before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// The framework is registered.
    Registered(RegisteredFramework),
    /// The framework has ended, and all its tasks with it: Mesos refuses it.
    Completed,
    /// Nothing but agents that its tasks run on.
    Agents,
    /// Neither the framework nor its agents.
    Unknown {
        /// Which master does not know what.
        reason: String,
        /// The master has been running for so long that its agents would have registered with it.
        certain: bool,
    },
}

impl Knowledge {
    /// Asks the leading master about a framework with tasks on these agents. `None` if no master
    /// answers, or none says.
    pub async fn of(
        options: &SchedulerOptions,
        framework: &str,
        agents: &[String],
    ) -> Result<Option<Self>, SchedulerError> {
        let access = access(options).await?;
        let masters = MasterDetector::start(&options.master, options.https)
            .current()
            .await
            .unwrap_or_default();
        for master in masters {
            if let Some(found) = ask(&mut Inquiry::new(&master, &access), framework, agents).await {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

async fn ask(master: &mut Inquiry<'_>, framework: &str, agents: &[String]) -> Option<Knowledge> {
    match master.framework(framework).await? {
        KnownFramework::Registered(found) => return Some(Knowledge::Registered(found)),
        KnownFramework::Completed => return Some(Knowledge::Completed),
        KnownFramework::Unknown => {}
    }
    if master.has_seen(agents).await? {
        return Some(Knowledge::Agents);
    }
    let certain = master.uptime().await >= STARTED;
    Some(Knowledge::Unknown { reason: master.unknown(framework, agents), certain })
}
