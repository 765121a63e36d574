//! File descriptors: raise the limit, and divide it among the listeners.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The highest limit that we set; child processes inherit it.
const MOST: u64 = 1 << 16;
/// Descriptors that no listener may use: for state, ZooKeeper, Mesos, logs and files being read.
const RESERVE: u64 = 256;
/// What every listener may use, even under a low limit.
const LEAST: usize = 16;

/// Raises the limit on open files as far as this process may, and returns the new limit. Call it once at the start,
/// before anything listens.
pub fn raise() -> Result<u64, Errno> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = hard.min(MOST).max(soft);
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(wanted)
}

/// How many connections a listener may accept that would like `wanted`. Each of a process's listeners leaves enough for
/// the others and for everything else.
pub fn connections(wanted: usize) -> usize {
    // If the limit cannot be read, assume the usual one.
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
    fn a_listener_leaves_enough_descriptors_for_others() {
        for (limit, wanted, expected) in
            [(1024, 4096, 256), (1024, 64, 64), (65536, 4096, 4096), (100, 4096, LEAST), (u64::MAX, 4096, 4096)]
        {
            assert_eq!(share(limit, wanted), expected, "{limit} {wanted}");
        }
        // Three listeners and the reserve.
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
