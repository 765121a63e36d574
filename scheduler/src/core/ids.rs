//! Points in time, and the names of workers.

use std::{fmt, sync::Arc, time::Duration};

use mesos::v1;

/// A point in time: milliseconds since the Unix epoch, never running backwards within one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// When an agent becomes unavailable.
    pub(super) fn begin_of(unavailability: &v1::Unavailability) -> Self {
        Self(u64::try_from(unavailability.start.nanoseconds / 1_000_000).unwrap_or(0))
    }

    /// Time passed since `earlier`; zero if that is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The permanent name of one worker: its Mesos task id, its executor id and
/// `taskmanager.resource-id`.
///
/// `taskmanager-<epoch>-<number>`: each leading application master draws an epoch, and the stored
/// number counts up. So an id is never used twice, not even after the store was lost or restored
/// from an older copy. Workers are ordered by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId {
    /// Compared first: with a hundred thousand workers, most comparisons need not read the text.
    number: u64,
    text: Arc<str>,
}

impl WorkerId {
    /// The id of worker `number`, launched in `epoch`.
    pub fn new(epoch: &str, number: u64) -> Self {
        Self { number, text: format!("taskmanager-{epoch}-{number:05}").into() }
    }

    /// The id as Mesos and Flink see it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<&str> for WorkerId {
    fn from(id: &str) -> Self {
        let number = id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Self { number, text: id.into() }
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::WorkerId;

    #[test]
    fn an_id_read_back_is_the_same_and_ids_are_in_the_order_of_their_numbers() {
        let ids = [7, 99_999, 100_000].map(|number| WorkerId::new("0badcafe", number));
        for id in &ids {
            assert_eq!(WorkerId::from(id.as_str()), *id);
        }
        assert!(ids.is_sorted());
        assert_ne!(WorkerId::from("another-00007"), ids[0], "the number alone is no name");
    }
}
