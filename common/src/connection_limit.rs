//! The connections to a listener: a limited number, and none at the expense of others.
//!
//! When there is no room, a connection without a request is closed, first one of the key with the
//! most connections. So connections that are idle, or send a request's head slowly, never keep
//! others out.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// What the addresses of one machine have in common: with IPv6 a machine usually controls a whole
/// range of addresses.
pub fn machine(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// The connections of one listener, grouped by a key: an address or a user.
pub struct Guests<K> {
    most: usize,
    most_of_each: usize,
    seats: Mutex<Seats<K>>,
}

struct Seats<K> {
    /// By number; earlier connections have lower numbers.
    taken: BTreeMap<u64, Seat<K>>,
    of_each: HashMap<K, usize>,
    next: u64,
}

struct Seat<K> {
    key: K,
    /// How many requests are being answered.
    busy: usize,
    /// It is never closed to make room.
    stays: bool,
    leave: CancellationToken,
}

/// An accepted connection, until this is dropped.
pub struct Guest<K: Clone + Eq + Hash> {
    guests: Arc<Guests<K>>,
    number: u64,
    leave: CancellationToken,
}

/// While this lives, a request of the connection is being answered.
pub struct Busy<K: Clone + Eq + Hash> {
    guests: Arc<Guests<K>>,
    number: u64,
}

impl<K: Clone + Eq + Hash> Guests<K> {
    /// Room for `most` connections, and for `most_of_each` with the same key.
    pub fn new(most: usize, most_of_each: usize) -> Arc<Self> {
        let seats = Seats { taken: BTreeMap::new(), of_each: HashMap::new(), next: 0 };
        Arc::new(Self {
            most: most.max(1),
            most_of_each: most_of_each.max(1),
            seats: Mutex::new(seats),
        })
    }

    /// Accepts a connection. If there is no room, another one without a request is closed; none if
    /// there is no such connection.
    pub fn admit(self: &Arc<Self>, key: K) -> Option<Guest<K>> {
        let mut seats = self.seats.lock();
        if seats.of_each.get(&key).copied().unwrap_or_default() >= self.most_of_each {
            let oldest =
                seats.idle().find(|(_, seat)| seat.key == key).map(|(number, _)| number)?;
            seats.send_away(oldest);
        } else if seats.taken.len() >= self.most {
            let of_each = &seats.of_each;
            let count = |seat: &Seat<K>| of_each.get(&seat.key).copied().unwrap_or_default();
            // The oldest of those with the highest count.
            let (number, _) = seats
                .idle()
                .map(|(number, seat)| (number, count(seat)))
                .max_by(|(one, count), (other, larger)| count.cmp(larger).then(other.cmp(one)))?;
            seats.send_away(number);
        }
        let (number, leave) = (seats.next, CancellationToken::new());
        seats.next += 1;
        *seats.of_each.entry(key.clone()).or_default() += 1;
        seats.taken.insert(number, Seat { key, busy: 0, stays: false, leave: leave.clone() });
        drop(seats);
        Some(Guest { guests: Arc::clone(self), number, leave })
    }

    /// The number of connections.
    pub fn count(&self) -> usize {
        self.seats.lock().taken.len()
    }
}

impl<K: Clone + Eq + Hash> Seats<K> {
    fn idle(&self) -> impl Iterator<Item = (u64, &Seat<K>)> {
        self.taken
            .iter()
            .filter(|(_, seat)| seat.busy == 0 && !seat.stays)
            .map(|(number, seat)| (*number, seat))
    }

    fn send_away(&mut self, number: u64) {
        if let Some(seat) = self.remove(number) {
            seat.leave.cancel();
        }
    }

    fn remove(&mut self, number: u64) -> Option<Seat<K>> {
        let seat = self.taken.remove(&number)?;
        if let Some(count) = self.of_each.get_mut(&seat.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_each.remove(&seat.key);
            }
        }
        Some(seat)
    }
}

impl<K: Clone + Eq + Hash> Guest<K> {
    /// Returns when this connection must be closed to make room.
    pub async fn has_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// From now on, this connection is never closed to make room.
    pub fn stay(&self) {
        if let Some(seat) = self.guests.seats.lock().taken.get_mut(&self.number) {
            seat.stays = true;
        }
    }

    /// Whether [`Guest::stay`] was called.
    pub fn stays(&self) -> bool {
        self.guests.seats.lock().taken.get(&self.number).is_some_and(|seat| seat.stays)
    }

    /// Notes a request; the connection stays until it is answered.
    pub fn busy(&self) -> Busy<K> {
        if let Some(seat) = self.guests.seats.lock().taken.get_mut(&self.number) {
            seat.busy += 1;
        }
        Busy { guests: Arc::clone(&self.guests), number: self.number }
    }
}

impl<K: Clone + Eq + Hash> Drop for Guest<K> {
    fn drop(&mut self) {
        self.guests.seats.lock().remove(self.number);
    }
}

impl<K: Clone + Eq + Hash> Drop for Busy<K> {
    fn drop(&mut self) {
        if let Some(seat) = self.guests.seats.lock().taken.get_mut(&self.number) {
            seat.busy = seat.busy.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn must_leave(guest: &Guest<&'static str>) -> bool {
        guest.leave.is_cancelled()
    }

    #[test]
    fn the_oldest_connection_without_a_request_makes_room() {
        let guests = Guests::new(10, 2);
        let (first, second) = (guests.admit("a").unwrap(), guests.admit("a").unwrap());
        let _busy = first.busy();
        let third = guests.admit("a").unwrap();
        assert_eq!([&first, &second, &third].map(must_leave), [false, true, false]);
        let _busy_too = third.busy();
        assert!(guests.admit("a").is_none(), "all of this key's connections have requests");
        assert!(guests.admit("b").is_some());
    }

    #[test]
    fn when_full_a_connection_of_the_most_frequent_key_is_closed() {
        let guests = Guests::new(4, 4);
        let noisy: Vec<_> = (0..3).map(|_| guests.admit("noisy").unwrap()).collect();
        let quiet = guests.admit("quiet").unwrap();
        let other = guests.admit("other").unwrap();
        assert!(
            must_leave(&noisy[0])
                && !must_leave(&noisy[1])
                && !must_leave(&quiet)
                && !must_leave(&other)
        );
        assert_eq!(guests.count(), 4);
        drop((noisy, quiet, other));
        assert_eq!((guests.count(), guests.seats.lock().of_each.len()), (0, 0));
    }

    #[test]
    fn an_answered_connection_can_be_closed_to_make_room() {
        let guests = Guests::new(1, 1);
        let guest = guests.admit("a").unwrap();
        let busy = guest.busy();
        assert!(guests.admit("b").is_none());
        drop(busy);
        assert!(guests.admit("b").is_some() && must_leave(&guest));
    }

    #[test]
    fn a_connection_that_may_stay_is_never_closed() {
        let guests = Guests::new(4, 3);
        let staying: Vec<_> = (0..3).map(|_| guests.admit("a").unwrap()).collect();
        staying.iter().for_each(Guest::stay);
        drop(staying[0].busy());
        assert!(guests.admit("a").is_none(), "all of this key's connections may stay");
        let other = guests.admit("b").unwrap();
        other.stay();
        assert!(guests.admit("c").is_none(), "all connections may stay");
        assert!(!staying.iter().chain([&other]).any(must_leave));
    }

    #[test]
    fn addresses_of_one_machine_count_together() {
        let machine = |text: &str| machine(text.parse().unwrap());
        assert_eq!(machine("2001:db8:1:2:3:4:5:6"), machine("2001:db8:1:2::1"));
        assert_ne!(machine("2001:db8:1:2::1"), machine("2001:db8:1:3::1"));
        assert_eq!(machine("::ffff:10.0.0.1"), machine("10.0.0.1"));
        assert_ne!(machine("10.0.0.2"), machine("10.0.0.1"));
    }
}
