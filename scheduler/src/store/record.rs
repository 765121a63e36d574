//! The state as bytes.

use std::sync::Arc;

use prost::Message as _;

use crate::core::{
    constraint::Field,
    ids::{Moment, WorkerId},
    origin::Origin,
    scale::Scale,
    state::{AgentProfile, Ended, Move, Registration, State, WorkerRecord},
};

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/flink_mesos.state.v1.rs"));
}

const VERSION: u32 = 1;

/// The state as protobuf (`proto/flink_mesos/state.proto`), without the cluster's end.
pub(super) fn encode(state: &State) -> Vec<u8> {
    let workers = state.workers.values().map(to_proto).collect();
    proto::State { workers, ..head(state) }.encode_to_vec()
}

/// The same without the workers, for a store that has a record for each of them.
pub(super) fn encode_head(state: &State) -> Vec<u8> {
    head(state).encode_to_vec()
}

fn head(state: &State) -> proto::State {
    proto::State {
        version: VERSION,
        epoch: state.epoch.clone(),
        framework: state.framework.clone(),
        next_number: state.next_number,
        workers: Vec::new(),
        draining: state.draining.iter().cloned().collect(),
        generation: state.generation,
        restart: Some(proto::Move {
            surge: state.restart.surge as u64,
            max_unavailable: state.restart.max_unavailable as u64,
        }),
        registration: state.registration.as_ref().map(|Registration { user, principal }| {
            proto::Registration { user: user.clone(), principal: principal.clone() }
        }),
        scale: state
            .scale
            .map(|scale| proto::Scale { min: scale.min() as u64, max: scale.max() as u64 }),
    }
}

/// Decodes what [`encode`] wrote.
pub(super) fn decode(bytes: &[u8]) -> Result<State, String> {
    let record = proto::State::decode(bytes).map_err(|e| e.to_string())?;
    if record.version == 0 || record.version > VERSION {
        return Err(format!(
            "layout version {}, this program reads up to {VERSION}",
            record.version
        ));
    }
    if record.epoch.is_empty() {
        return Err("the epoch is missing".to_owned());
    }
    let workers = record.workers.into_iter().map(|worker| {
        let worker = from_proto(worker);
        (worker.id.clone(), worker)
    });
    let workers = workers.collect();
    let restart = record.restart.map_or_else(Move::default, |pace| Move {
        surge: usize::try_from(pace.surge).unwrap_or(usize::MAX),
        max_unavailable: usize::try_from(pace.max_unavailable).unwrap_or(usize::MAX),
    });
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let scale = record.scale.map(|scale| Scale::new(number(scale.min), number(scale.max)));
    Ok(State {
        scale: scale.transpose().map_err(|error| error.to_string())?,
        epoch: record.epoch,
        framework: record.framework,
        next_number: record.next_number,
        workers,
        draining: record.draining.into_iter().collect(),
        generation: record.generation,
        restart,
        registration: record
            .registration
            .map(|known| Registration { user: known.user, principal: known.principal }),
        ended: None,
    })
}

/// Whether these bytes can only be a state in the first layout, which files held before they were
/// sealed: it begins with the field `version`.
pub(super) fn is_unsealed(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x08)
}

/// Decodes such a state. It has no length, but its last field was always written.
pub(super) fn decode_unsealed(bytes: &[u8]) -> Result<State, String> {
    let record = proto::State::decode(bytes).map_err(|e| e.to_string())?;
    if record.restart.is_none() {
        return Err("its end is missing".to_owned());
    }
    decode(bytes)
}

/// Encodes only the end of a cluster.
pub(super) fn encode_ended(ended: &Ended) -> Vec<u8> {
    proto::Ended { exit_code: ended.exit_code.into(), why: ended.why.clone() }.encode_to_vec()
}

/// Decodes what [`encode_ended`] wrote.
pub(super) fn decode_ended(bytes: &[u8]) -> Result<Ended, String> {
    let record = proto::Ended::decode(bytes).map_err(|e| e.to_string())?;
    let exit_code = record
        .exit_code
        .try_into()
        .map_err(|_| format!("{} is not an exit code", record.exit_code))?;
    Ok(Ended { exit_code, why: record.why })
}

/// Encodes only one worker's record.
pub(super) fn encode_worker(worker: &WorkerRecord) -> Vec<u8> {
    to_proto(worker).encode_to_vec()
}

/// Decodes what [`encode_worker`] wrote.
pub(super) fn decode_worker(bytes: &[u8]) -> Result<WorkerRecord, String> {
    let worker = proto::Worker::decode(bytes).map_err(|e| e.to_string())?;
    if worker.id.is_empty() { Err("the id is missing".to_owned()) } else { Ok(from_proto(worker)) }
}

fn to_proto(worker: &WorkerRecord) -> proto::Worker {
    let AgentProfile { agent, hostname, values } = &*worker.place;
    proto::Worker {
        id: worker.id.as_str().to_owned(),
        agent: agent.clone(),
        hostname: hostname.clone(),
        values: values
            .iter()
            .map(|(field, value)| (field.to_string(), value.to_string()))
            .collect(),
        launched: worker.launched.0,
        running: worker.running,
        released: worker.released,
        generation: worker.generation,
        flink: worker.origin.as_ref().map(|origin| origin.flink.clone()),
        job_manager: worker.origin.as_ref().map(|origin| origin.job_manager.clone()),
        distribution: worker.origin.as_ref().and_then(|origin| origin.distribution.clone()),
        manifest: worker.origin.as_ref().and_then(|origin| origin.manifest.clone()),
        tls: worker.origin.as_ref().and_then(|origin| origin.tls),
    }
}

fn from_proto(worker: proto::Worker) -> WorkerRecord {
    let values = worker
        .values
        .into_iter()
        .map(|(field, value)| (Field::from(field.as_str()), value.into()))
        .collect();
    let origin = worker.flink.zip(worker.job_manager);
    WorkerRecord {
        origin: origin.map(|(flink, job_manager)| {
            let (distribution, manifest) = (worker.distribution, worker.manifest);
            // An address without this scheme may have been one with TLS too.
            let (job_manager, tls) = match job_manager.strip_prefix("ssl://") {
                Some(address) => (address.to_owned(), Some(true)),
                None => (job_manager, worker.tls),
            };
            Arc::new(Origin { flink, job_manager, tls, distribution, manifest })
        }),
        id: WorkerId::from(worker.id.as_str()),
        place: Arc::new(AgentProfile { agent: worker.agent, hostname: worker.hostname, values }),
        launched: Moment(worker.launched),
        running: worker.running,
        released: worker.released,
        generation: worker.generation,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_workers_that_an_operator_has_set_is_stored_within_its_bounds() {
        for scale in [None, "3".parse().ok(), "2..".parse().ok()] {
            let state = State { scale, ..State::fresh("e".to_owned()) };
            assert_eq!(decode(&encode(&state)).unwrap(), state);
        }
        let wrong = Some(proto::Scale { min: 2, max: 1 });
        let record = proto::State {
            version: VERSION,
            epoch: "e".to_owned(),
            scale: wrong,
            ..<_>::default()
        };
        assert!(decode(&record.encode_to_vec()).unwrap_err().contains("above the maximum"));
    }

    #[test]
    fn an_older_record_has_the_tls_that_its_address_has_and_without_it_that_is_unknown() {
        for (address, expected) in [("ssl://h:6123", Some(true)), ("h:6123", None)] {
            let older = proto::Worker {
                id: "taskmanager-e-1".to_owned(),
                flink: Some("1.20.5".to_owned()),
                job_manager: Some(address.to_owned()),
                ..proto::Worker::default()
            };
            let origin = decode_worker(&older.encode_to_vec()).unwrap().origin.unwrap();
            assert_eq!((origin.job_manager.as_str(), origin.tls), ("h:6123", expected));
        }
    }
}
