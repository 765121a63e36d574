//! Permits for fetches: a limited number in total, and a share of it per user.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::caller::Caller;

/// The share of permits that one user may have, as a divisor.
const SHARE: usize = 4;

/// The permits for fetches.
pub(super) struct Permits {
    all: Arc<Semaphore>,
    share: usize,
    of_each: Mutex<HashMap<Caller, Arc<Semaphore>>>,
}

/// Allows one fetch while it lives.
pub(super) struct Permit {
    _one_of_all: OwnedSemaphorePermit,
    _one_of_the_users: OwnedSemaphorePermit,
}

impl Permits {
    pub(super) fn new(count: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(count)),
            share: count.div_ceil(SHARE).max(1),
            of_each: Mutex::default(),
        }
    }

    /// Waits for a permit of this user's share. A user without any left does not use up those of
    /// others while waiting. None if the daemon is stopping.
    pub(super) async fn acquire(&self, user: Caller) -> Option<Permit> {
        let own = self.of(user);
        let own = own.acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Permit { _one_of_all: all, _one_of_the_users: own })
    }

    fn of(&self, user: Caller) -> Arc<Semaphore> {
        let mut of_each = self.of_each.lock();
        // Drop the entries of users without permits or waiting fetches.
        of_each.retain(|known, own| *known == user || Arc::strong_count(own) > 1);
        Arc::clone(of_each.entry(user).or_insert_with(|| Arc::new(Semaphore::new(self.share))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn one_user_never_has_more_than_a_share_of_the_permits() {
        let permits = Permits::new(16);
        let user = |uid| Caller::user(uid);
        let acquire = |uid| permits.acquire(user(uid)).now_or_never().flatten();
        let mut noisy: Vec<_> = (0..4).map(|_| acquire(1000).unwrap()).collect();
        assert!(acquire(1000).is_none(), "a fifth fetch of the same user");
        let others: Vec<_> = (1001..1004)
            .flat_map(|uid| (0..4).map(move |_| uid))
            .map(|uid| acquire(uid).unwrap())
            .collect();
        assert!(acquire(1004).is_none(), "there are sixteen permits");
        noisy.pop();
        assert!(acquire(1004).is_some());
        drop((noisy, others));
        assert!(acquire(1000).is_some() && permits.of_each.lock().len() == 1);
    }

    #[test]
    fn every_user_can_get_a_permit_however_few_there_are() {
        let permits = Permits::new(1);
        let first = permits.acquire(Caller::user(1)).now_or_never().flatten();
        assert!(first.is_some() && permits.acquire(Caller::user(2)).now_or_never().is_none());
        drop(first);
        assert!(permits.acquire(Caller::user(2)).now_or_never().flatten().is_some());
    }
}
