//! The pools of threads of the RPC system. Flink computes the size of each from three options, and
//! does not start with a pool that has too few threads, or more than Java allows.

use std::ops::RangeInclusive;

use super::Problem;
use crate::config::{Configuration, Source};
use crate::options::ConfigOption;
use crate::options::flink::{
    PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_FACTOR,
    PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_MAX, PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_MIN,
    PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_FACTOR, PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_MAX,
    PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_MIN, PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_FACTOR,
    PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_MAX, PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_MIN,
};

struct Pool {
    /// Threads for each core.
    factor: ConfigOption<f64>,
    min: ConfigOption<i64>,
    max: ConfigOption<i64>,
    has_sockets: bool,
}

const POOLS: [Pool; 3] = [
    Pool {
        factor: PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_FACTOR,
        min: PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_MIN,
        max: PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_MAX,
        has_sockets: false,
    },
    Pool {
        factor: PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_FACTOR,
        min: PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_MIN,
        max: PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_MAX,
        has_sockets: true,
    },
    Pool {
        factor: PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_FACTOR,
        min: PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_MIN,
        max: PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_MAX,
        has_sockets: true,
    },
];

/// Why no process of Flink would start with these pools. Values of another form have a problem of
/// their own.
pub(super) fn problems(config: &Configuration) -> impl Iterator<Item = Problem> + '_ {
    POOLS.iter().filter_map(|pool| pool.problem(config))
}

impl Pool {
    fn problem(&self, config: &Configuration) -> Option<Problem> {
        let factor = config.read(&self.factor).ok()?;
        let min = i32::try_from(config.read(&self.min).ok()?).ok()?;
        let max = i32::try_from(config.read(&self.max).ok()?).ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "saturates, as Flink's cast does")]
        let of_one_core = factor.ceil() as i32;
        let threads = of_one_core.max(min).min(max);
        let allowed = self.allowed(config);
        let key = match threads {
            _ if allowed.contains(&threads) => return None,
            _ if threads == max => self.max.key(),
            _ if threads == min => self.min.key(),
            _ => self.factor.key(),
        };
        let (least, most) = (allowed.start(), allowed.end());
        let message = format!(
            "a pool of {threads} threads is out of range ({least} to {most}): set factor, min and max of {} to fit",
            self.factor.key().trim_end_matches("-factor")
        );
        let origin = config.source(key).cloned().unwrap_or(Source::Default);
        Some(Problem { key: key.to_owned(), origin, message, fatal: true })
    }

    /// How many threads a machine of one core may have for it.
    fn allowed(&self, config: &Configuration) -> RangeInclusive<i32> {
        // With the newer Netty, none means as many as it likes.
        let may_be_none =
            self.has_sockets && config.version().is_none_or(|version| version.at_least(1, 20));
        let most = if self.has_sockets { i32::MAX } else { 32767 };
        i32::from(!may_be_none)..=most
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::check;
    use super::*;

    #[test]
    fn a_pool_without_threads_or_with_more_than_java_allows_is_refused_with_the_option_that_decides()
     {
        const FORK_JOIN: &str = "pekko.fork-join-executor.parallelism-";
        const SERVER: &str = "pekko.server-socket-worker-pool.pool-size-";
        for (version, prefix, values, named) in [
            (
                "2.3.0",
                FORK_JOIN,
                &[("max", "0")][..],
                "max: a pool of 0 threads is out of range (1 to 32767)",
            ),
            ("2.3.0", FORK_JOIN, &[("min", "0"), ("factor", "0")], "min: a pool of 0 threads"),
            ("2.3.0", FORK_JOIN, &[("min", "0")], ""),
            (
                "2.3.0",
                FORK_JOIN,
                &[("min", "40000"), ("max", "50000")],
                "min: a pool of 40000 threads",
            ),
            (
                "2.3.0",
                FORK_JOIN,
                &[("factor", "1e300"), ("max", "50000")],
                "max: a pool of 50000 threads",
            ),
            ("1.18.1", SERVER, &[("max", "0")], "max: a pool of 0 threads"),
            ("1.20.5", SERVER, &[("max", "0")], ""),
            ("1.20.5", SERVER, &[("max", "-1")], "max: a pool of -1 threads"),
        ] {
            let mut config = Configuration::new();
            config.read_as(version.parse().unwrap());
            for (name, value) in values {
                config.set(format!("{prefix}{name}"), *value, Source::DynamicProperty);
            }
            let found: Vec<_> = check(&config).iter().map(ToString::to_string).collect();
            let is_right = match found.as_slice() {
                [] => named.is_empty(),
                [said] => !named.is_empty() && said.starts_with(&format!("{prefix}{named}")),
                _ => false,
            };
            assert!(is_right, "{version} {prefix} {values:?}: {found:?}");
        }
    }
}
