//! Who is connected to the control API, and who has to go when there is no room.
//!
//! Descriptors are shared with the state, ZooKeeper, Mesos and the artifacts: the API has a fixed number of them. Where
//! all are taken, a new connection takes the place of the oldest one that has not shown the token, so that nobody keeps
//! operators out by being connected: to show it takes them milliseconds.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Connections in all, where the system allows as many.
pub(super) const MOST: usize = 256;

/// All connections, oldest first, by an id of the owner's.
#[derive(Debug)]
pub(super) struct Guests<Id> {
    most: usize,
    all: Vec<Guest<Id>>,
}

#[derive(Debug)]
struct Guest<Id> {
    id: Id,
    peer: IpAddr,
    proven: Arc<AtomicBool>,
}

/// What becomes of a new connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room<Id> {
    /// There is room.
    Free,
    /// There is when that one goes.
    InPlaceOf(Id),
    /// All who are there have shown the token.
    None,
}

impl<Id: Copy + PartialEq> Guests<Id> {
    /// Room for so many.
    pub(super) fn new(most: usize) -> Self {
        Self { most, all: Vec::new() }
    }

    /// How many of them one address may have. The rest is for others.
    fn most_of_one(&self) -> usize {
        self.most - self.most / 4
    }

    /// Whether there is room for a connection from there.
    pub(super) fn room_for(&self, peer: IpAddr) -> Room<Id> {
        let peer = site(peer);
        let of_peer = self.all.iter().filter(|guest| guest.peer == peer).count();
        if of_peer < self.most_of_one() && self.all.len() < self.most {
            return Room::Free;
        }
        // Of those who have not shown the token, the oldest one from where most of all come; its own where that has too many.
        let strangers = || self.all.iter().filter(|guest| !guest.proven.load(Ordering::Relaxed));
        let most = |site: IpAddr| strangers().filter(|guest| guest.peer == site).count();
        let crowded = if of_peer < self.most_of_one() {
            strangers().map(|guest| guest.peer).max_by_key(|site| most(*site))
        } else {
            Some(peer)
        };
        let leaving = strangers().find(|guest| Some(guest.peer) == crowded);
        leaving.map_or(Room::None, |guest| Room::InPlaceOf(guest.id))
    }

    pub(super) fn enter(&mut self, id: Id, peer: IpAddr, proven: Arc<AtomicBool>) {
        self.all.push(Guest { id, peer: site(peer), proven });
    }

    pub(super) fn leave(&mut self, id: Id) {
        self.all.retain(|guest| guest.id != id);
    }
}

/// What counts as one address: of IPv6 the half that a site is given, since it may have all of the other half.
fn site(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MOST: usize = 64;
    const MOST_OF_ONE: usize = 48;

    struct Hall {
        guests: Guests<usize>,
        next: usize,
    }

    impl Hall {
        fn new() -> Self {
            Self { guests: Guests::new(MOST), next: 0 }
        }

        fn come(&mut self, peer: &str, proven: bool) -> Room<usize> {
            let peer = peer.parse().unwrap();
            let room = self.guests.room_for(peer);
            if let Room::InPlaceOf(id) = room {
                self.guests.leave(id);
            }
            if room != Room::None {
                self.guests.enter(self.next, peer, Arc::new(proven.into()));
                self.next += 1;
            }
            assert!(self.guests.all.len() <= MOST);
            room
        }
    }

    #[test]
    fn whoever_only_holds_connections_makes_room_for_the_next_one_oldest_first() {
        let mut hall = Hall::new();
        for number in 0..MOST_OF_ONE {
            assert_eq!(hall.come("127.0.0.1", false), Room::Free, "{number}");
        }
        assert_eq!(hall.come("127.0.0.1", true), Room::InPlaceOf(0));
        assert_eq!(hall.come("127.0.0.1", false), Room::InPlaceOf(1));
    }

    #[test]
    fn one_address_leaves_room_for_others_and_many_lose_to_the_crowd_first() {
        let mut hall = Hall::new();
        for _ in 0..MOST_OF_ONE * 2 {
            hall.come("10.0.0.1", false);
        }
        for number in MOST_OF_ONE..MOST {
            assert_eq!(hall.come(&format!("10.0.1.{number}"), false), Room::Free);
        }
        assert_eq!(hall.come("10.0.0.2", false), Room::InPlaceOf(MOST_OF_ONE), "the oldest of the crowd goes");
    }

    #[test]
    fn who_has_shown_the_token_is_not_sent_away() {
        let mut hall = Hall::new();
        for number in 0..MOST {
            assert_eq!(hall.come(&format!("10.0.0.{}", number % 2), true), Room::Free);
        }
        assert_eq!(hall.come("10.0.0.9", false), Room::None);
    }

    #[test]
    fn all_addresses_of_an_ipv6_site_count_as_one() {
        let mut hall = Hall::new();
        for number in 0..MOST_OF_ONE {
            assert_eq!(hall.come(&format!("2001:db8::{number:x}"), false), Room::Free);
        }
        assert_eq!(hall.come("2001:db8::ffff", false), Room::InPlaceOf(0));
        assert_eq!(hall.come("2001:db8:0:1::1", false), Room::Free);
    }
}
