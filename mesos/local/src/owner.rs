//! The one task that owns the cluster's state: everything comes to it through its inbox.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    codec::Codec,
    containers::Containers,
    core::{Core, Now, Output, Refusal},
    events::Events,
    inbox::Message,
};

/// The state and what it acts on.
pub(crate) struct Owner {
    core: Core,
    codec: Codec,
    containers: Containers,
    streams: HashMap<Uuid, Events>,
    started: Instant,
}

impl Owner {
    pub(crate) fn new(
        core: impl FnOnce(Now) -> Core,
        codec: Codec,
        containers: Containers,
    ) -> Self {
        let started = Instant::now();
        Self { core: core(now(started)), codec, containers, streams: HashMap::new(), started }
    }

    /// Works until somebody says shutdown.
    pub(crate) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        loop {
            let deadline = self.started + self.core.next_deadline();
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(Message::Shutdown(ended)) => {
                        self.streams.clear();
                        self.containers.end_all().await;
                        // The caller may have stopped waiting.
                        ended.send(()).ok();
                        return;
                    }
                    Some(message) => self.handle(message),
                    None => return,
                },
                () = tokio::time::sleep_until(deadline) => self.core.at(now(self.started)).tick(),
            }
            self.act();
        }
    }

    fn handle(&mut self, message: Message) {
        let core = self.core.at(now(self.started));
        match message {
            Message::Scheduler { call, claimed, stream, events, reply } => {
                let answer = core.scheduler_call(*call, stream, claimed.as_deref());
                self.answer(stream, events, reply, answer);
            }
            Message::Executor { agent, call, stream, events, reply } => {
                let answer = core.executor_call(agent, *call, stream);
                self.answer(stream, events, reply, answer);
            }
            Message::StreamClosed(stream) => {
                self.streams.remove(&stream);
                core.stream_closed(stream);
            }
            Message::Started { container, pid } => core.container_started(container, pid),
            Message::Ended { container, ending } => {
                self.containers.forget(container);
                core.container_ended(container, ending);
            }
            Message::Shutdown(_) => {}
        }
    }

    fn answer(
        &mut self,
        stream: Uuid,
        events: Option<Events>,
        reply: oneshot::Sender<Result<(), Refusal>>,
        answer: Result<(), Refusal>,
    ) {
        if let (Ok(()), Some(events)) = (&answer, events) {
            self.streams.insert(stream, events);
        }
        // A client that hung up gets no answer; a subscription of it closes by itself.
        reply.send(answer).ok();
    }

    /// Does what the core wants done.
    fn act(&mut self) {
        for output in self.core.take_outputs() {
            match output {
                Output::Scheduler(stream, event) => {
                    if let Some(events) = self.streams.get(&stream) {
                        events.send(&self.codec, &*event);
                    }
                }
                Output::Executor(stream, event) => {
                    if let Some(events) = self.streams.get(&stream) {
                        events.send(&self.codec, &*event);
                    }
                }
                Output::Close(stream) => {
                    self.streams.remove(&stream);
                }
                Output::Launch(container) => self.containers.launch(*container),
                Output::Kill(container) => self.containers.kill(container),
            }
        }
    }
}

fn now(started: Instant) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Now { uptime: started.elapsed(), unix: unix.as_secs_f64() }
}
