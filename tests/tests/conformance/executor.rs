//! An executor played by the test, instead of the process that Mesos has started.

use mesos::v1::{
    Offer, TaskInfo, TaskState, TaskStatus,
    executor::{
        Call, Event,
        call::{self, Subscribe, Type, Update},
        event,
    },
};
use prost::Message as _;

use crate::{
    cluster::Cluster,
    framework::Framework,
    messages,
    puppet::Puppet,
    raw::{Answer, MOMENT, NoRecord, PATIENCE, Records, answer},
};

pub(crate) struct Executor<'a> {
    cluster: &'a Cluster,
    url: String,
    framework: String,
    id: String,
    records: Option<Records>,
}

impl<'a> Executor<'a> {
    /// An executor that has not subscribed yet.
    pub(crate) fn new(framework: &Framework<'a>, offer: &Offer, id: &str) -> Self {
        let url = offer.url.as_ref().unwrap();
        let (address, path) = (&url.address, url.path.as_deref().unwrap());
        let url = format!(
            "http://{}:{}{path}/api/v1/executor",
            address.ip.as_deref().unwrap(),
            address.port
        );
        Self {
            cluster: framework.cluster,
            url,
            framework: framework.id.clone(),
            id: id.to_owned(),
            records: None,
        }
    }

    /// Subscribes in place of the puppet as soon as that is started, and receives SUBSCRIBED.
    pub(crate) async fn subscribe(
        framework: &Framework<'a>,
        offer: &Offer,
        id: &str,
        puppet: &Puppet,
    ) -> Self {
        puppet.started().await;
        let mut this = Self::new(framework, offer, id);
        this.resubscribe(Vec::new(), Vec::new()).await;
        this.wait(event::Type::Subscribed).await;
        this
    }

    /// Subscribes (again), with its unacknowledged tasks and updates.
    pub(crate) async fn resubscribe(
        &mut self,
        unacknowledged_tasks: Vec<TaskInfo>,
        updates: Vec<TaskStatus>,
    ) {
        let unacknowledged_updates = updates.into_iter().map(|status| Update { status }).collect();
        let subscribe = Some(Subscribe { unacknowledged_tasks, unacknowledged_updates });
        let call = self.call(Type::Subscribe, Call { subscribe, ..Call::default() });
        let opened = async {
            loop {
                let response = self.cluster.http.post(&self.url, None, &call).await;
                if response.status() == 200 {
                    return Records::of(response);
                }
                answer(response).await.refused(400, "cannot be found");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        self.records = Some(
            tokio::time::timeout(PATIENCE, opened).await.expect("the agent knows the executor"),
        );
    }

    /// Closes the connection.
    pub(crate) fn disconnect(&mut self) {
        self.records = None;
    }

    /// Takes this executor's event stream; its next subscription has a stream of its own.
    pub(crate) fn take_records(&mut self) -> Records {
        self.records.take().unwrap()
    }

    fn call(&self, kind: Type, call: Call) -> Call {
        Call {
            executor_id: self.id.as_str().into(),
            framework_id: self.framework.as_str().into(),
            r#type: Some(kind.into()),
            ..call
        }
    }

    pub(crate) async fn send(&self, kind: Type, call: Call) -> Answer {
        answer(self.cluster.http.post(&self.url, None, &self.call(kind, call)).await).await
    }

    /// The agent's answer to any body.
    pub(crate) async fn ask(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        self.cluster.http.ask(method, &self.url, headers, body).await
    }

    /// The next event of any kind.
    pub(crate) async fn next(&mut self) -> Result<Event, NoRecord> {
        let record = self.records.as_mut().unwrap().next(PATIENCE).await?;
        Ok(Event::decode(&*record).unwrap())
    }

    /// The next event, which must be of this kind.
    pub(crate) async fn wait(&mut self, kind: event::Type) -> Event {
        let event = self.next().await.unwrap();
        assert_eq!(event.r#type(), kind, "{event:?}");
        event
    }

    pub(crate) async fn launched(&mut self) -> TaskInfo {
        self.wait(event::Type::Launch).await.launch.unwrap().task
    }

    pub(crate) async fn silence(&mut self) {
        assert_eq!(self.records.as_mut().unwrap().next(MOMENT).await, Err(NoRecord::Silence));
    }

    /// Sends a status and returns the answer.
    pub(crate) async fn report(&self, status: &TaskStatus) -> Answer {
        let update = Some(Update { status: status.clone() });
        self.send(Type::Update, Call { update, ..Call::default() }).await
    }

    /// Reports a state and waits for the agent's acknowledgement.
    pub(crate) async fn update(&mut self, task: &str, state: TaskState) -> TaskStatus {
        let status = messages::status(task, state);
        self.report(&status).await.accepted();
        let acknowledged = self.wait(event::Type::Acknowledged).await.acknowledged.unwrap();
        assert_eq!(Some(acknowledged.uuid), status.uuid);
        status
    }

    pub(crate) async fn message(&self, data: &'static [u8]) -> Answer {
        let message = Some(call::Message { data: data.into() });
        self.send(Type::Message, Call { message, ..Call::default() }).await
    }
}
