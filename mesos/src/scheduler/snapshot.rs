//! A look at what the master shows its operators: agents, roles, quotas, maintenance.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message as _;
use tokio::time::timeout;

use crate::{
    transport::{Connection, Target, read, read_reason},
    v1::master::{
        Call, ClusterStatus, QuotaStatus, Response, Role, call::Type, response::GetAgents,
    },
};

/// The path of the operator API at a master.
const PATH: &str = "/api/v1";
/// How long all questions may take together.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer, in bytes: an agent takes about one thousand.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// What the master showed at one moment. What it refuses to show, does not know or has no time for
/// is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The agents, with what is free there.
    pub agents: Option<GetAgents>,
    /// What each role has.
    pub roles: Option<Vec<Role>>,
    /// What roles may have, and what is kept for them.
    pub quota: Option<QuotaStatus>,
    /// Which machines are taken out of service.
    pub maintenance: Option<ClusterStatus>,
}

/// Asks the master for everything, one after the other over a connection of its own.
pub(super) async fn take(master: &Target, authorization: Option<&HeaderValue>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    // What came in time is worth having even when the rest did not.
    if timeout(PATIENCE, ask_all(master, authorization, &mut snapshot)).await.is_err() {
        tracing::debug!(%master, "The master took too long to show what it shows operators");
    }
    snapshot
}

async fn ask_all(master: &Target, authorization: Option<&HeaderValue>, snapshot: &mut Snapshot) {
    let mut open = None;
    // The small answers first.
    let quota = ask(&mut open, master, authorization, Type::GetQuota).await;
    snapshot.quota = quota.and_then(|answer| answer.get_quota).map(|quota| quota.status);
    let roles = ask(&mut open, master, authorization, Type::GetRoles).await;
    snapshot.roles = roles.and_then(|answer| answer.get_roles).map(|roles| roles.roles);
    let maintenance = ask(&mut open, master, authorization, Type::GetMaintenanceStatus).await;
    snapshot.maintenance = maintenance
        .and_then(|answer| answer.get_maintenance_status)
        .map(|maintenance| maintenance.status);
    snapshot.agents = ask(&mut open, master, authorization, Type::GetAgents)
        .await
        .and_then(|answer| answer.get_agents);
}

/// One question. Whatever goes wrong, there is no answer: nobody depends on one.
async fn ask(
    open: &mut Option<Connection>,
    master: &Target,
    authorization: Option<&HeaderValue>,
    r#type: Type,
) -> Option<Response> {
    let body = Bytes::from(Call { r#type: Some(r#type.into()) }.encode_to_vec());
    let headers: HeaderMap =
        authorization.map(|value| (header::AUTHORIZATION, value.clone())).into_iter().collect();
    let mut connection = match open.take() {
        Some(connection) if connection.is_open() => connection,
        _ => Connection::open(master).await.ok()?,
    };
    let answer = connection.post(PATH, headers, body).await.ok()?;
    let status = answer.status();
    if status != StatusCode::OK {
        let reason = read_reason(answer.into_body()).await;
        tracing::debug!(%master, %status, %reason, question = r#type.as_str_name(), "The master refused to show what it shows operators");
        *open = Some(connection);
        return None;
    }
    let answer = read(answer.into_body(), MAX_ANSWER).await?;
    *open = Some(connection);
    Response::decode(answer).ok()
}
