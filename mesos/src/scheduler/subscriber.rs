//! Keeps the framework subscribed, forever.

use std::{sync::Arc, time::Duration};

use common::{backoff::Backoff, causes::with_causes};
use prost::Message;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    SchedulerEvent, is_failed_over, is_framework_removed,
    recognition::{Answer, Recognition},
    session::{Session, SessionSender},
    subscribe::{Access, Refusal, Subscription, Wishes, subscribe},
};
use crate::{
    master::{HostPort, MasterDetector},
    transport::{RecordStream, StreamError},
    v1::{
        FrameworkInfo,
        scheduler::{Event, event},
    },
};

/// Heartbeats that may be missed before the master counts as dead.
const MISSED_HEARTBEATS: u32 = 5;
/// The interval until a master has named its own, and the bounds of what it may name.
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(15);
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(10);
const LONGEST_HEARTBEAT: Duration = Duration::from_secs(600);
/// A subscription that lasted so long makes the next waits start small again.
const STABLE: Duration = Duration::from_secs(10);
/// After so many attempts without the API it is not that the master is just starting.
const STARTING: u32 = 6;

/// Finds the leader, subscribes, passes events on, begins again.
pub(super) struct Subscriber {
    detector: MasterDetector,
    leader: watch::Receiver<Option<HostPort>>,
    access: Access,
    backoff: Backoff,
    framework: FrameworkInfo,
    wishes: Wishes,
    /// What a master that takes the framework in again must know, until the first has done so.
    recognition: Option<Recognition>,
    events: mpsc::Sender<SchedulerEvent>,
    session: SessionSender,
    attempt: u32,
    /// Attempts since the last subscription that met no API.
    without_api: u32,
}

/// How a subscription, or the attempt to get one, ended.
enum End {
    /// To be tried again.
    Lost(String),
    /// Never to be tried again.
    Rejected(String),
    /// Never to be tried again: it is not the framework's master.
    Unknown(String),
    /// Nobody reads the events.
    Unread,
}

impl Subscriber {
    pub(super) fn new(
        detector: MasterDetector,
        access: Access,
        (shortest, longest): (Duration, Duration),
        framework: FrameworkInfo,
        wishes: Wishes,
        events: mpsc::Sender<SchedulerEvent>,
        session: SessionSender,
    ) -> Self {
        let leader = detector.leader();
        let backoff = Backoff::new(shortest, longest);
        Self {
            detector,
            leader,
            access,
            backoff,
            framework,
            wishes,
            recognition: None,
            events,
            session,
            attempt: 0,
            without_api: 0,
        }
    }

    /// Has a framework with an id, whose tasks run on these agents, taken in again only by a master
    /// that knows it.
    pub(super) fn only_where_known(mut self, agents: Option<Vec<String>>) -> Self {
        self.recognition = agents.filter(|_| self.framework.id.is_some()).map(Recognition::new);
        self
    }

    /// Returns after a rejection or when nobody reads the events.
    pub(super) async fn run(mut self) {
        loop {
            let end = self.subscribe_and_serve().await;
            self.session.send_replace(None);
            match end {
                End::Lost(reason) => {
                    let retry_in = self.backoff.next();
                    tracing::debug!(%reason, ?retry_in, "Not subscribed");
                    if self
                        .events
                        .send(SchedulerEvent::Disconnected { reason, retry_in })
                        .await
                        .is_err()
                    {
                        return;
                    }
                    self.wait(retry_in).await;
                }
                End::Rejected(reason) if self.may_be_the_constraints(&reason) => {
                    self.wishes.offer_constraints = None;
                    if self
                        .events
                        .send(SchedulerEvent::ConstraintsRefused { reason })
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
                End::Rejected(reason) => {
                    tracing::debug!(%reason, "Rejected");
                    // Nobody reads it: then nobody needs it.
                    drop(self.events.send(SchedulerEvent::Rejected { reason }).await);
                    return;
                }
                End::Unknown(reason) => {
                    tracing::debug!(%reason, "Unknown.");
                    drop(self.events.send(SchedulerEvent::Unknown { reason }).await);
                    return;
                }
                End::Unread => return,
            }
        }
    }

    /// Whether the framework may be welcome without its constraints: they only spare us offers.
    fn may_be_the_constraints(&self, reason: &str) -> bool {
        let subscribed = self.attempt == 0;
        let other = subscribed || is_framework_removed(reason) || is_failed_over(reason);
        self.wishes.offer_constraints.is_some() && !other
    }

    /// Waits, but not longer than until a new leader is known. A leader knows it a moment later
    /// than we do and still redirects to the one before, so that waits start small again.
    async fn wait(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = elected(&mut self.leader) => self.backoff.reset(),
        }
    }

    /// Tries each master once; serves the first subscription until it ends.
    async fn subscribe_and_serve(&mut self) -> End {
        let masters = match self.detector.current().await {
            Ok(masters) => masters,
            Err(error) => return End::Lost(with_causes(&error)),
        };
        let leader = self.leader.borrow_and_update().clone();
        let mut reasons = Vec::new();
        for master in masters {
            self.attempt = self.attempt.saturating_add(1);
            let connecting = SchedulerEvent::Connecting {
                master: master.url(self.access.tls.is_some()),
                attempt: self.attempt,
            };
            if self.events.send(connecting).await.is_err() {
                return End::Unread;
            }
            if let (Some(recognition), Some(id)) = (&mut self.recognition, &self.framework.id) {
                match recognition.ask(&master, &self.access, &id.value).await {
                    Answer::Known => {}
                    Answer::NotYet(reason) => {
                        reasons.push(reason);
                        continue;
                    }
                    Answer::Unknown(reason) => return End::Unknown(reason),
                }
            }
            match subscribe(&master, &self.access, &self.framework, &self.wishes).await {
                Ok(subscription) => return self.serve(subscription, leader).await,
                Err(Refusal::Final(reason)) => return End::Rejected(reason),
                Err(Refusal::NoApi(reason)) if self.never_had_the_api() => {
                    return End::Rejected(reason);
                }
                Err(Refusal::Retry(reason) | Refusal::NoApi(reason)) => reasons.push(reason),
            }
        }
        End::Lost(reasons.join("; "))
    }

    /// Counts an attempt without the API, and says whether there were too many. A framework that
    /// has an id has found the API before.
    fn never_had_the_api(&mut self) -> bool {
        self.without_api += 1;
        self.without_api >= STARTING && self.framework.id.is_none()
    }

    async fn serve(&mut self, subscription: Subscription, leader: Option<HostPort>) -> End {
        let Subscription { target, stream_id, mut records } = subscription;
        let subscribed = match next_event(&mut records, DEFAULT_HEARTBEAT).await {
            Ok(Event { subscribed: Some(subscribed), .. }) => subscribed,
            Ok(event) => {
                return ended_by(&event)
                    .unwrap_or(End::Lost("the first event is not SUBSCRIBED".to_owned()));
            }
            Err(reason) => return End::Lost(reason),
        };
        if let Some(version) = too_old(&subscribed) {
            return End::Rejected(format!("{target} runs Mesos {version}: 1.0 or newer is needed"));
        }
        self.framework.id = Some(subscribed.framework_id.clone());
        self.recognition = None;
        (self.attempt, self.without_api) = (0, 0);
        let session = Arc::new(Session::new(target, stream_id, subscribed.framework_id.clone()));
        self.session.send_replace(Some(Arc::clone(&session)));
        let since = Instant::now();
        let end = self.pass_on(subscribed, &mut records, leader, &session).await;
        // When it is taken, the queue ends and this with it: the stream's end was meant.
        session.no_teardown().await;
        if since.elapsed() >= STABLE {
            self.backoff.reset();
        }
        end
    }

    /// Hands on what the master sends until the stream ends, a call gets lost or another master
    /// leads.
    async fn pass_on(
        &mut self,
        subscribed: event::Subscribed,
        records: &mut RecordStream,
        leader: Option<HostPort>,
        session: &Session,
    ) -> End {
        let heartbeat = heartbeat(&subscribed);
        let event::Subscribed { framework_id, master_info: master, .. } = subscribed;
        if self
            .events
            .send(SchedulerEvent::Subscribed { framework_id, master, heartbeat })
            .await
            .is_err()
        {
            return End::Unread;
        }
        loop {
            let event = tokio::select! {
                event = next_event(records, heartbeat) => event,
                () = other_than(leader.as_ref(), &mut self.leader) => Err("another master leads now".to_owned()),
                // The master forgets the offers that it holds for us only with the subscription.
                () = session.call_lost() => Err("a call to the master got lost".to_owned()),
                () = self.events.closed() => return End::Unread,
            };
            let event = match event {
                Ok(event) => event,
                Err(reason) => return End::Lost(reason),
            };
            if let Some(end) = ended_by(&event) {
                return end;
            }
            if event.r#type() != event::Type::Heartbeat
                && self.events.send(SchedulerEvent::Event(event)).await.is_err()
            {
                return End::Unread;
            }
        }
    }
}

/// Waits for the next word about a leader, be it the same one again.
async fn elected(leader: &mut watch::Receiver<Option<HostPort>>) {
    while leader.changed().await.is_ok() {
        if leader.borrow_and_update().is_some() {
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Waits until another master than this one leads.
async fn other_than(this: Option<&HostPort>, leader: &mut watch::Receiver<Option<HostPort>>) {
    if leader.wait_for(|now| now.is_some() && now.as_ref() != this).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The next event, or why there is none, for people.
async fn next_event(records: &mut RecordStream, heartbeat: Duration) -> Result<Event, String> {
    let patience = heartbeat * MISSED_HEARTBEATS;
    match timeout(patience, records.next()).await {
        Ok(Some(record)) => record
            .and_then(|record| Event::decode(record).map_err(StreamError::from))
            .map_err(|error| with_causes(&error)),
        Ok(None) => Err("the master ended the event stream".to_owned()),
        Err(_) => Err(format!("no heartbeat from the master for {} s", patience.as_secs_f64())),
    }
}

fn ended_by(event: &Event) -> Option<End> {
    let error = event.error.as_ref().filter(|_| event.r#type() == event::Type::Error)?;
    Some(End::Rejected(error.message.clone()))
}

fn heartbeat(subscribed: &event::Subscribed) -> Duration {
    let seconds = subscribed
        .heartbeat_interval_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.unwrap_or(DEFAULT_HEARTBEAT).clamp(SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT)
}

/// The master's version when it is below 1.0. Later ones always name theirs.
fn too_old(subscribed: &event::Subscribed) -> Option<&str> {
    let version = subscribed.master_info.as_ref()?.version.as_deref()?;
    version.starts_with("0.").then_some(version)
}
