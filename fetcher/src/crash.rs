//! Places where a test lets the process die, to see that nothing half done is ever taken for complete.

/// The process may die here. In a test it does when its turn has come; otherwise nothing happens.
#[cfg(not(test))]
pub(crate) fn point() {}

#[cfg(test)]
pub(crate) use tests::{die_at, point};

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// How many points are still passed; the largest number is never reached.
    static LEFT: AtomicU64 = AtomicU64::new(u64::MAX);

    pub(crate) fn point() {
        if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
            // As abrupt as it gets: no destructor, no flush.
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).ok();
        }
    }

    pub(crate) fn die_at(point: u64) {
        LEFT.store(point, Ordering::Relaxed);
    }
}
