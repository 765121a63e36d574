//! A scheduler played by the test.

use std::time::Duration;

use mesos::v1::{
    AgentId, ExecutorId, Filters, FrameworkInfo, Offer, OfferId, TaskId, TaskInfo, TaskStatus,
    offer::{Operation, operation},
    scheduler::{
        Call, Event,
        call::{
            Accept, Acknowledge, Decline, Kill, Message, Reconcile, Shutdown, Subscribe, Type,
            reconcile,
        },
        event,
    },
};
use prost::Message as _;
use tokio::time::Instant;

use crate::{
    cluster::Cluster,
    executor::Executor,
    messages,
    puppet::Puppet,
    raw::{Answer, MOMENT, NoRecord, PATIENCE, Records, STREAM_ID, answer},
};

pub(crate) struct Framework<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) id: String,
    pub(crate) stream: String,
    records: Records,
    /// Events that arrived before the awaited one.
    early: Vec<Event>,
}

impl<'a> Framework<'a> {
    /// Subscribes and receives SUBSCRIBED.
    pub(crate) async fn subscribe(cluster: &'a Cluster, info: FrameworkInfo) -> Self {
        Self::subscribe_with(cluster, Subscribe { framework_info: info, ..Subscribe::default() })
            .await
    }

    pub(crate) async fn subscribe_with(cluster: &'a Cluster, call: Subscribe) -> Self {
        let mut this = Self::open(cluster, call).await;
        let first = this.next().await.expect("a first event");
        assert_eq!(first.r#type(), event::Type::Subscribed, "{first:?}");
        this.id = first.subscribed.unwrap().framework_id.value;
        this
    }

    /// Opens a stream, whatever arrives on it.
    pub(crate) async fn open(cluster: &'a Cluster, call: Subscribe) -> Self {
        let framework_id = call.framework_info.id.clone();
        let call = Call {
            framework_id: framework_id.clone(),
            r#type: Some(Type::Subscribe.into()),
            subscribe: Some(call),
            ..Call::default()
        };
        let response = cluster.http.post(&cluster.master("/api/v1/scheduler"), None, &call).await;
        assert_eq!(response.status(), 200);
        let stream = response.headers()[STREAM_ID].to_str().unwrap().to_owned();
        let id = framework_id.map(|id| id.value).unwrap_or_default();
        Self { cluster, id, stream, records: Records::of(response), early: Vec::new() }
    }

    /// The next event of any kind.
    pub(crate) async fn next(&mut self) -> Result<Event, NoRecord> {
        if self.early.is_empty() { self.read(PATIENCE).await } else { Ok(self.early.remove(0)) }
    }

    async fn read(&mut self, patience: Duration) -> Result<Event, NoRecord> {
        Ok(Event::decode(&*self.records.next(patience).await?).unwrap())
    }

    /// The next event of this kind. Others are kept for later.
    pub(crate) async fn wait(&mut self, kind: event::Type) -> Event {
        let found = self.wait_for(kind, PATIENCE).await;
        found.unwrap_or_else(|why| panic!("no {kind:?}, but {why:?} after {:?}", self.early))
    }

    async fn wait_for(&mut self, kind: event::Type, patience: Duration) -> Result<Event, NoRecord> {
        if let Some(at) = self.early.iter().position(|event| event.r#type() == kind) {
            return Ok(self.early.remove(at));
        }
        let deadline = Instant::now() + patience;
        loop {
            let event = self.read(deadline.saturating_duration_since(Instant::now())).await?;
            if event.r#type() == kind {
                return Ok(event);
            }
            self.early.push(event);
        }
    }

    /// Panics if an event of this kind arrives within this time.
    pub(crate) async fn none_within(&mut self, kind: event::Type, time: Duration) {
        let came = self.wait_for(kind, time).await;
        assert_eq!(came, Err(NoRecord::Silence));
    }

    /// Panics if an event of this kind arrives before this moment.
    pub(crate) async fn none_until(&mut self, kind: event::Type, moment: Instant) {
        let left = moment.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            self.none_within(kind, left).await;
        }
    }

    /// Waits for the end of the stream; no event of this kind may come before.
    pub(crate) async fn end(&mut self) {
        while self.next().await != Err(NoRecord::End) {}
    }

    pub(crate) async fn offers(&mut self) -> Vec<Offer> {
        self.wait(event::Type::Offers).await.offers.unwrap().offers
    }

    /// The next offer; it must be the only one, because there is one agent.
    pub(crate) async fn offer(&mut self) -> Offer {
        let mut offers = self.offers().await;
        assert_eq!(offers.len(), 1, "{offers:?}");
        offers.remove(0)
    }

    /// The next status, not acknowledged.
    pub(crate) async fn status(&mut self) -> TaskStatus {
        self.wait(event::Type::Update).await.update.unwrap().status
    }

    /// The next status, acknowledged.
    pub(crate) async fn acknowledged(&mut self) -> TaskStatus {
        let status = self.status().await;
        self.acknowledge(&status).await;
        status
    }

    pub(crate) async fn no_status(&mut self) {
        self.none_within(event::Type::Update, MOMENT).await;
    }

    /// Sends a call of this framework on its stream.
    pub(crate) async fn send(&self, call: Call) -> Answer {
        let call = Call { framework_id: Some(self.id.as_str().into()), ..call };
        let url = self.cluster.master("/api/v1/scheduler");
        answer(self.cluster.http.post(&url, Some(&self.stream), &call).await).await
    }

    /// Sends a call that must be accepted.
    pub(crate) async fn call(&self, kind: Type, call: Call) {
        self.send(Call { r#type: Some(kind.into()), ..call }).await.accepted();
    }

    pub(crate) async fn accept(
        &self,
        offers: &[&Offer],
        tasks: Vec<TaskInfo>,
        refuse_seconds: Option<f64>,
    ) {
        let launch = Some(operation::Launch { task_infos: tasks });
        let operation = Operation {
            r#type: Some(operation::Type::Launch.into()),
            launch,
            ..Operation::default()
        };
        let offer_ids = offers.iter().map(|offer| offer.id.clone()).collect();
        let filters = refuse_seconds.map(filters);
        let accept = Some(Accept { offer_ids, operations: vec![operation], filters });
        self.call(Type::Accept, Call { accept, ..Call::default() }).await;
    }

    /// Launches tasks; the rest of the offer is soon offered again.
    pub(crate) async fn launch(&self, offer: &Offer, tasks: Vec<TaskInfo>) {
        self.accept(&[offer], tasks, Some(0.0)).await;
    }

    /// Launches one task `t` with one executor `e`, a puppet, and subscribes as that executor.
    pub(crate) async fn run_task(&mut self, puppet: &Puppet) -> (Executor<'a>, Offer) {
        let offer = self.offer().await;
        let executor = messages::executor("e", puppet.command());
        self.launch(&offer, vec![messages::task("t", &offer, &executor)]).await;
        (Executor::subscribe(self, &offer, "e", puppet).await, offer)
    }

    pub(crate) async fn decline(&self, offers: &[Offer], refuse_seconds: Option<f64>) {
        let offer_ids: Vec<OfferId> = offers.iter().map(|offer| offer.id.clone()).collect();
        let decline = Some(Decline { offer_ids, filters: refuse_seconds.map(filters) });
        self.call(Type::Decline, Call { decline, ..Call::default() }).await;
    }

    pub(crate) async fn revive(&self) {
        self.call(Type::Revive, Call::default()).await;
    }

    pub(crate) async fn suppress(&self) {
        self.call(Type::Suppress, Call::default()).await;
    }

    pub(crate) async fn teardown(&self) {
        self.call(Type::Teardown, Call::default()).await;
    }

    pub(crate) async fn acknowledge(&self, status: &TaskStatus) {
        let acknowledge = Some(Acknowledge {
            agent_id: status.agent_id.clone().unwrap(),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().expect("a status that wants to be acknowledged"),
        });
        self.call(Type::Acknowledge, Call { acknowledge, ..Call::default() }).await;
    }

    pub(crate) async fn kill(&self, kill: Kill) {
        self.call(Type::Kill, Call { kill: Some(kill), ..Call::default() }).await;
    }

    /// Reconciles these tasks, or all if there are none.
    pub(crate) async fn reconcile(&self, tasks: &[(&str, Option<&str>)]) {
        let task = |(id, agent): &(&str, Option<&str>)| reconcile::Task {
            task_id: TaskId::from(*id),
            agent_id: agent.map(AgentId::from),
        };
        let reconcile = Some(Reconcile { tasks: tasks.iter().map(task).collect() });
        self.call(Type::Reconcile, Call { reconcile, ..Call::default() }).await;
    }

    pub(crate) async fn shut_down(&self, agent: &AgentId, executor: &str) {
        let shutdown = Some(Shutdown { executor_id: executor.into(), agent_id: agent.clone() });
        self.call(Type::Shutdown, Call { shutdown, ..Call::default() }).await;
    }

    pub(crate) async fn message(&self, agent: &AgentId, executor: &str, data: &'static [u8]) {
        let executor_id = ExecutorId::from(executor);
        let message = Some(Message { agent_id: agent.clone(), executor_id, data: data.into() });
        self.call(Type::Message, Call { message, ..Call::default() }).await;
    }
}

fn filters(refuse_seconds: f64) -> Filters {
    Filters { refuse_seconds: Some(refuse_seconds) }
}
