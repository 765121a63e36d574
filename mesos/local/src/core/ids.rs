//! Identifiers in the forms that Mesos gives them.

use bytes::Bytes;
use uuid::{Builder, Uuid};

/// Hands out identifiers, none of them twice. All of them grow from the master's own, so that two
/// clusters never share one.
#[derive(Debug)]
pub(super) struct Ids {
    master: Uuid,
    frameworks: u32,
    offers: u64,
    uuids: u64,
}

impl Ids {
    pub(super) fn new(master: Uuid) -> Self {
        Self { master, frameworks: 0, offers: 0, uuids: 0 }
    }

    pub(super) fn master(&self) -> String {
        self.master.to_string()
    }

    /// The agent with that number, counted from 0.
    pub(super) fn agent(&self, index: usize) -> String {
        format!("{}-S{index}", self.master)
    }

    pub(super) fn framework(&mut self) -> String {
        let id = format!("{}-{:04}", self.master, self.frameworks);
        self.frameworks += 1;
        id
    }

    pub(super) fn offer(&mut self) -> String {
        let id = format!("{}-O{}", self.master, self.offers);
        self.offers += 1;
        id
    }

    /// A uuid of version 4 for a container or a status update.
    pub(super) fn uuid(&mut self) -> Uuid {
        self.uuids += 1;
        let mixed = self.master.as_u128()
            ^ u128::from(self.uuids).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        Builder::from_random_bytes(mixed.to_be_bytes()).into_uuid()
    }
}

/// Whether these bytes are a uuid that Mesos takes: 16 bytes with the variant and a version of RFC
/// 4122.
pub(super) fn is_uuid(bytes: &Bytes) -> bool {
    Uuid::from_slice(bytes).is_ok_and(|uuid| {
        uuid.get_variant() == uuid::Variant::RFC4122 && (1..=5).contains(&uuid.get_version_num())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_identifier_is_handed_out_twice_and_uuids_are_of_version_4() {
        let mut ids = Ids::new(Uuid::new_v4());
        let uuids: std::collections::BTreeSet<Uuid> = (0..1000).map(|_| ids.uuid()).collect();
        assert_eq!(uuids.len(), 1000);
        assert!(uuids.iter().all(|uuid| is_uuid(&Bytes::copy_from_slice(uuid.as_bytes()))));
        assert_ne!(ids.offer(), ids.offer());
        assert!(ids.framework().ends_with("-0000") && ids.framework().ends_with("-0001"));
    }

    #[test]
    fn sixteen_bytes_of_all_ones_are_no_uuid() {
        assert!(!is_uuid(&Bytes::from_static(&[0xff; 16])));
        assert!(!is_uuid(&Bytes::from_static(&[0; 3])));
    }
}
