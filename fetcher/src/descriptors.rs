//! File descriptors: as many as the system allows, and how many of them a listener may use up.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than this is of no use to us, and what we start inherits it.
const MOST: u64 = 1 << 16;
/// What no listener may use up: state, ZooKeeper, Mesos, logs, files that are being read.
const RESERVE: u64 = 256;
/// What every listener may have, however few there are.
const LEAST: usize = 16;

/// Raises the limit of open files as far as this process may; returns what it is then. To be called once at the start, before
/// anything listens.
pub fn raise() -> Result<u64, Errno> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = hard.min(MOST).max(soft);
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(wanted)
}

/// How many connections a listener may have that would like `wanted`: of several listeners of one process each leaves enough
/// for the others and for everything else.
pub fn connections(wanted: usize) -> usize {
    // Where the limit cannot be read it is the usual one.
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    share(limit, wanted)
}

fn share(limit: u64, wanted: usize) -> usize {
    let share = usize::try_from(limit.saturating_sub(RESERVE) / 3).unwrap_or(usize::MAX);
    wanted.min(share.max(LEAST))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_listener_never_gets_what_others_need() {
        for (limit, wanted, expected) in
            [(1024, 4096, 256), (1024, 64, 64), (65536, 4096, 4096), (100, 4096, LEAST), (u64::MAX, 4096, 4096)]
        {
            assert_eq!(share(limit, wanted), expected, "{limit} {wanted}");
        }
        // Three of them, and the reserve.
        assert!(3 * share(1024, 4096) as u64 + RESERVE <= 1024);
    }

    #[test]
    fn the_limit_is_raised_and_never_lowered() {
        let (before, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let raised = raise().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (raised, hard));
        assert!(raised >= before && (raised == hard || raised >= MOST));
    }
}
