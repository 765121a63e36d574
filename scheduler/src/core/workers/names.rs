//! Names for new workers.

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

use crate::core::{effects::Effects, ids::WorkerId, message::Notice};

/// The names that no worker has had.
#[derive(Debug)]
pub(super) struct Names {
    epoch: String,
    next_number: u64,
    chance: SmallRng,
}

impl Names {
    /// The names of this epoch, from a number on. The same seed draws the same further epochs.
    pub(super) fn new(epoch: String, next_number: u64, seed: u64) -> Self {
        Self { epoch, next_number, chance: SmallRng::seed_from_u64(seed) }
    }

    /// The number of the next name.
    pub(super) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The next name. When the numbers are used up, they start again under another epoch.
    pub(super) fn take(&mut self, effects: &mut Effects) -> WorkerId {
        while self.next_number == u64::MAX {
            let epoch = format!("{:08x}", self.chance.random::<u32>());
            if epoch != self.epoch {
                (self.epoch, self.next_number) = (epoch.clone(), 1);
                effects.notice(Notice::NewEpoch(epoch));
            }
        }
        let id = WorkerId::new(&self.epoch, self.next_number);
        self.next_number += 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{effects::Effect, message::Output};

    #[test]
    fn used_up_worker_numbers_start_again_under_another_epoch_which_is_reported() {
        let mut names = Names::new("e".to_owned(), u64::MAX - 2, 7);
        let mut effects = Effects::default();
        let taken = [(); 4].map(|()| names.take(&mut effects));
        let before = [u64::MAX - 2, u64::MAX - 1].map(|number| WorkerId::new("e", number));
        assert_eq!(taken[..2], before);
        let reported: Vec<_> = effects.into_iter().collect();
        let [Effect::Output(Output::Notice(Notice::NewEpoch(epoch)))] = &reported[..] else {
            panic!("{reported:?}")
        };
        assert_ne!(epoch, "e");
        assert_eq!(taken[2..], [1, 2].map(|number| WorkerId::new(epoch, number)));
        assert_eq!(names.next_number(), 3);
    }
}
