//! The state as bytes.

use prost::Message as _;

use crate::core::{
    constraint::Field,
    message::{Moment, State, WorkerId, WorkerRecord},
};

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/flink_mesos.state.v1.rs"));
}

const VERSION: u32 = 1;

/// The state as protobuf (`proto/flink_mesos/state.proto`).
pub(super) fn encode(state: &State) -> Vec<u8> {
    let workers = state.workers.values().map(|worker| proto::Worker {
        id: worker.id.as_str().to_owned(),
        agent: worker.agent.clone(),
        hostname: worker.hostname.clone(),
        values: worker.values.iter().map(|(field, value)| (field.to_string(), value.clone())).collect(),
        launched: worker.launched.0,
        running: worker.running,
        released: worker.released,
    });
    let record = proto::State {
        version: VERSION,
        epoch: state.epoch.clone(),
        framework: state.framework.clone(),
        next_number: state.next_number,
        workers: workers.collect(),
    };
    record.encode_to_vec()
}

/// The state that [`encode`] wrote, or what is wrong with the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<State, String> {
    let record = proto::State::decode(bytes).map_err(|e| e.to_string())?;
    if record.version == 0 || record.version > VERSION {
        return Err(format!("layout version {}, this program reads up to {VERSION}", record.version));
    }
    let workers = record.workers.into_iter().map(|worker| {
        let id = WorkerId::from(worker.id.as_str());
        let record = WorkerRecord {
            id: id.clone(),
            agent: worker.agent,
            hostname: worker.hostname,
            values: worker.values.iter().map(|(field, value)| (Field::from(field.as_str()), value.clone())).collect(),
            launched: Moment(worker.launched),
            running: worker.running,
            released: worker.released,
        };
        (id, record)
    });
    let workers = workers.collect();
    Ok(State { epoch: record.epoch, framework: record.framework, next_number: record.next_number, workers })
}
