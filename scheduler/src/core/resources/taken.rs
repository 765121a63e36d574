//! What a worker takes of an agent's offers.

use std::sync::Arc;

use mesos::v1::{Resource, value};

use super::units;

/// What a worker takes of an agent's offers: pieces of the offered resources, returned to Mesos
/// with the reservations and roles they came with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    pub(super) offered: Arc<Vec<Resource>>,
    /// The configuration keys that get ports.
    pub(super) keys: Arc<[Arc<str>]>,
    pub(super) pieces: Vec<Piece>,
}

/// A part of one offered resource. There are some for each of many thousand workers, so it is
/// small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    /// Index of the offered resource.
    pub(super) of: u32,
    pub(super) user: User,
    pub(super) portion: Portion,
}

/// Who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    Task,
    Executor,
}

/// How much of the resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Portion {
    /// Thousandths of a scalar.
    Amount(u64),
    /// This port, for the configuration key of this index.
    Port(u16, u16),
}

impl Taken {
    /// What the TaskManager takes, for Mesos.
    pub fn task_resources(&self) -> Vec<Resource> {
        self.resources(User::Task)
    }

    /// What the executor takes, for Mesos.
    pub fn executor_resources(&self) -> Vec<Resource> {
        self.resources(User::Executor)
    }

    /// The ports, with their configuration keys.
    pub fn ports(&self) -> impl Iterator<Item = (&str, u16)> {
        self.pieces.iter().filter_map(|piece| match piece.portion {
            Portion::Port(key, port) => Some((&**self.keys.get(usize::from(key))?, port)),
            Portion::Amount(_) => None,
        })
    }

    fn resources(&self, user: User) -> Vec<Resource> {
        let of = |piece: &Piece| Some(piece.portion.of(self.offered.get(piece.of as usize)?));
        self.pieces.iter().filter(|piece| piece.user == user).filter_map(of).collect()
    }
}

impl Portion {
    /// This portion of `offered`.
    fn of(self, offered: &Resource) -> Resource {
        match self {
            Self::Amount(amount) => {
                Resource { scalar: Some(value::Scalar { value: units(amount) }), ..offered.clone() }
            }
            Self::Port(_, port) => {
                let range = value::Range { begin: port.into(), end: port.into() };
                Resource { ranges: Some(value::Ranges { range: vec![range] }), ..offered.clone() }
            }
        }
    }
}
