//! Points at which a test kills the process, to show that nothing incomplete is taken for complete.

/// Does nothing, except in a test that has chosen this point: then the process dies here.
#[cfg(not(test))]
pub(crate) fn point() {}

#[cfg(test)]
pub(crate) use tests::{die_at, point};

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// How many more points to pass; the largest number is never reached.
    static LEFT: AtomicU64 = AtomicU64::new(u64::MAX);

    pub(crate) fn point() {
        if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
            // As abrupt as possible: no destructor, no flush.
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).ok();
        }
    }

    pub(crate) fn die_at(point: u64) {
        LEFT.store(point, Ordering::Relaxed);
    }
}
