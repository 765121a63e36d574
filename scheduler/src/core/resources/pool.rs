//! What is left of an agent's offers while workers are placed on them.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use mesos::v1::Resource;
use rand::rngs::SmallRng;

use super::{
    Needs, PORTS, Shortage, offered_amount,
    ranges::Ranges,
    taken::{Piece, Portion, Taken, User},
};

/// What is left of one agent's offers.
#[derive(Debug, Default)]
pub struct Pool {
    offered: Arc<Vec<Resource>>,
    /// Reserved ones come first, to be used first. Those that a worker does not need are left out.
    pub(super) scalars: Vec<Scalar>,
    /// Indexes of the offered port ranges with what is left of them, in the same order.
    pub(super) ports: Vec<(u32, Ranges)>,
    /// Ports that are used only if there are no others.
    pub(super) last_resort: Vec<(u32, u16)>,
    /// Number of ports left out because a TaskManager could not listen on them recently.
    pub(super) withheld: usize,
}

/// One offered scalar resource.
#[derive(Debug)]
pub(super) struct Scalar {
    /// Index of the offered resource.
    of: u32,
    /// Index into the [`Needs`].
    pub(super) need: usize,
    /// What is left, in thousandths.
    pub(super) left: u64,
}

impl Pool {
    /// The resources of an offer that a worker may use.
    pub fn new(offered: Vec<Resource>, needs: &Needs) -> Self {
        let (mut scalars, mut ports) = (Vec::with_capacity(offered.len()), Vec::new());
        for (of, resource) in (0_u32..).zip(&offered).filter(|(_, resource)| is_plain(resource)) {
            if resource.name == PORTS {
                let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
                let from = |begin: u64| begin.max(needs.lowest_port);
                ports.push((of, ranges.map(|range| (from(range.begin), range.end)).collect()));
            } else if let Some(scalar) = &resource.scalar
                && let Some(need) = needs.scalars.iter().position(|need| need.name == resource.name)
            {
                scalars.push(Scalar { of, need, left: offered_amount(scalar.value) });
            }
        }
        scalars.sort_by_key(|scalar: &Scalar| !is_reserved(&offered[scalar.of as usize]));
        ports.sort_by_key(|(of, _)| !is_reserved(&offered[*of as usize]));
        Self { offered: Arc::new(offered), scalars, ports, last_resort: Vec::new(), withheld: 0 }
    }

    /// Leaves a port out (`strictly`), or keeps it for when there is no other.
    pub(in crate::core) fn avoid(&mut self, port: u16, strictly: bool) {
        for (of, ranges) in &mut self.ports {
            if ranges.remove(port) {
                if strictly {
                    self.withheld += 1;
                } else {
                    self.last_resort.push((*of, port));
                }
            }
        }
    }

    /// Adds another offer of the same agent, to a pool from which nothing was taken yet.
    pub fn add(&mut self, offered: Vec<Resource>, needs: &Needs) {
        let mut all = std::mem::take(&mut self.offered);
        Arc::make_mut(&mut all).extend(offered);
        *self = Self::new(Arc::unwrap_or_clone(all), needs);
    }

    /// Takes what one worker needs, with random ports. On a shortage, returns it and takes nothing.
    pub fn take(&mut self, needs: &Needs, chance: &mut SmallRng) -> Result<Taken, Shortage> {
        if let Some(short) = self.shortage(needs) {
            return Err(short);
        }
        let mut pieces = Vec::with_capacity(2 * needs.scalars.len() + needs.ports.len());
        for user in [User::Task, User::Executor] {
            for (number, need) in needs.scalars.iter().enumerate() {
                let amount = if user == User::Task { need.task } else { need.executor };
                self.take_scalar(number, amount, user, &mut pieces);
            }
        }
        for (key, _) in (0_u16..).zip(&*needs.ports) {
            if let Some((of, port)) = self.take_port(chance) {
                pieces.push(Piece { of, user: User::Task, portion: Portion::Port(key, port) });
            }
        }
        Ok(Taken { offered: self.offered.clone(), keys: needs.ports.clone(), pieces })
    }

    fn take_scalar(&mut self, need: usize, mut amount: u64, user: User, into: &mut Vec<Piece>) {
        for scalar in self.scalars.iter_mut().filter(|scalar| scalar.need == need) {
            let piece = amount.min(scalar.left);
            if piece > 0 {
                scalar.left -= piece;
                amount -= piece;
                into.push(Piece { of: scalar.of, user, portion: Portion::Amount(piece) });
            }
        }
    }

    fn take_port(&mut self, chance: &mut SmallRng) -> Option<(u32, u16)> {
        let Some((of, ranges)) = self.ports.iter_mut().find(|(_, ranges)| ranges.count() > 0)
        else {
            return self.last_resort.pop();
        };
        Some((*of, ranges.take_any(chance)?))
    }
}

/// Revocable resources may be taken back at any time. Persistent volumes hold somebody's data, and
/// separate disks hold no sandboxes.
pub(in crate::core) fn is_plain(resource: &Resource) -> bool {
    resource.revocable.is_none() && resource.disk.is_none() && resource.shared.is_none()
}

fn is_reserved(resource: &Resource) -> bool {
    !resource.reservations.is_empty() || resource.role.as_deref().is_some_and(|role| role != "*")
}
