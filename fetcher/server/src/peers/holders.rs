//! The artifact server's knowledge of which hosts hold which contents, and its decisions where to
//! redirect clients.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use fetcher_formats::digest::Digest;
use indexmap::{IndexMap, IndexSet};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::policy::{Asked, Decision, Policy, Refused};
use holder::Holder;

mod holder;

/// How many holders of a content are compared per decision; of more, a random sample is compared.
const COMPARED: usize = 16;
/// Streams of one seed, a client that the server serves itself: the connections of one fetch.
const STREAMS_PER_SEED: usize = 4;
/// How many waiting clients may come back per second.
const RETURNS_PER_SECOND: u32 = 10_000;
/// Shortest and longest time that a client must wait.
const WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Which hosts hold which contents.
#[derive(Debug)]
pub struct Holders {
    policy: Policy,
    random: StdRng,
    /// A holder keeps its number until the number is given to another one.
    known: Vec<Holder>,
    numbers: HashMap<SocketAddr, u32>,
    contents: IndexMap<Digest, IndexSet<u32>>,
    entries: usize,
    /// The last holder that each client with a peer port was redirected to; further requests go to
    /// the same one.
    sent: HashMap<SocketAddr, u32>,
    /// Clients with a peer port that the server serves itself, and until when.
    seeds: Vec<(SocketAddr, Duration)>,
    /// When the last of the waiting clients comes back.
    last_return: Duration,
}

impl Holders {
    /// Starts without holders.
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            random: StdRng::seed_from_u64(seed),
            known: Vec::new(),
            numbers: HashMap::new(),
            contents: IndexMap::new(),
            entries: 0,
            sent: HashMap::new(),
            seeds: Vec::new(),
            last_return: Duration::ZERO,
        }
    }

    /// The known holders of `digest`, in no particular order.
    pub fn of(&self, digest: &Digest) -> impl Iterator<Item = SocketAddr> {
        let numbers = self.contents.get(digest).into_iter().flatten();
        numbers.filter_map(|number| self.known.get(*number as usize)).map(|holder| holder.address)
    }

    /// The number of holders, including those that may have gone.
    pub fn count(&self) -> usize {
        self.known.iter().filter(|holder| !holder.contents.is_empty()).count()
    }

    /// Notes that a host holds these contents, in addition to those that it announced before.
    pub fn announce(
        &mut self,
        now: Duration,
        holder: SocketAddr,
        digests: impl IntoIterator<Item = Digest>,
    ) -> Result<(), Refused> {
        let number = self.number(now, holder).ok_or(Refused::Full)?;
        let Some(holder) = self.known.get_mut(number as usize) else { return Err(Refused::Full) };
        if holder.barred_until > now {
            return Err(Refused::Barred);
        }
        holder.seen = now;
        for digest in digests {
            if self.entries >= self.policy.max_entries {
                return Err(Refused::Full);
            }
            let content = self.contents.entry(digest);
            let place = content.index() as u32;
            if content.or_default().insert(number) {
                holder.contents.push(place);
                self.entries += 1;
            }
        }
        Ok(())
    }

    /// Notes that a client has everything, so it is no longer at any holder.
    pub fn complete(&mut self, asker: SocketAddr) {
        self.seeds.retain(|(seed, _)| *seed != asker);
        self.leave(asker);
    }

    fn leave(&mut self, asker: SocketAddr) {
        if let Some(number) = self.sent.remove(&asker)
            && let Some(holder) = self.known.get_mut(number as usize)
        {
            holder.askers.retain(|(there, _)| *there != Some(asker));
        }
    }

    /// Notes a client's report about a holder. `lacks` means only that the holder does not have
    /// this content.
    pub fn report(&mut self, now: Duration, holder: SocketAddr, digest: &Digest, lacks: bool) {
        let Some(number) = self.numbers.get(&holder).copied() else { return };
        if !lacks {
            self.forget(number);
            if let Some(holder) = self.known.get_mut(number as usize) {
                holder.barred_until = now + self.policy.barred;
            }
        } else if let Some((place, _, holders)) = self.contents.get_full_mut(digest)
            && holders.swap_remove(&number)
            && let Some(holder) = self.known.get_mut(number as usize)
        {
            holder.contents.retain(|content| *content as usize != place);
            self.entries -= 1;
        }
    }

    /// How to answer a client that can follow redirects, while the server sends `streams` files.
    pub fn decide(&mut self, now: Duration, streams: usize, asked: &Asked) -> Decision {
        if self.policy.above == 0 || streams < self.policy.above {
            self.note_seed(now, asked);
            return Decision::Serve;
        }
        if let Some(holder) = self.choose(now, asked) {
            return Decision::SendTo(holder);
        }
        if self.note_seed(now, asked) {
            return Decision::Serve;
        }
        // Serving everyone slowly would finish everyone late. It is better if a few get all
        // contents soon and serve the others.
        let soon =
            !self.seeds.is_empty() || self.of(&asked.digest).any(|holder| asked.wants(holder));
        if soon { Decision::Wait(self.schedule_return(now)) } else { Decision::Serve }
    }

    /// The holder that the client was redirected to before, or one of those with the fewest
    /// clients, at random.
    fn choose(&mut self, now: Duration, asked: &Asked) -> Option<SocketAddr> {
        let number = match self.again(now, asked) {
            Some(number) => number,
            None => self.least(now, asked)?,
        };
        if let Some(asker) = asked.asker
            && self.sent.get(&asker) != Some(&number)
        {
            self.leave(asker);
            if self.sent.len() >= self.policy.max_holders {
                self.forget_who_left(now);
            }
            if self.sent.len() < self.policy.max_holders {
                self.sent.insert(asker, number);
            }
        }
        let holder = self.known.get_mut(number as usize)?;
        holder.send(now, asked);
        Some(holder.address)
    }

    fn forget_who_left(&mut self, now: Duration) {
        let known = &mut self.known;
        self.sent.retain(|asker, number| {
            let holder = known.get_mut(*number as usize);
            holder.is_some_and(|holder| holder.askers(now) > 0 && holder.has_asker(*asker))
        });
    }

    fn again(&mut self, now: Duration, asked: &Asked) -> Option<u32> {
        let number = *self.sent.get(&asked.asker?)?;
        let holder = self.known.get_mut(number as usize)?;
        holder.askers(now);
        let is_there = holder.has_asker(asked.asker?) && asked.wants(holder.address);
        (is_there && self.contents.get(&asked.digest)?.contains(&number)).then_some(number)
    }

    fn least(&mut self, now: Duration, asked: &Asked) -> Option<u32> {
        let mut best: Option<(u32, usize)> = None;
        let mut ties = 0;
        let mut past = Vec::new();
        let holders = self.contents.get(&asked.digest)?;
        for at in 0..holders.len().min(COMPARED) {
            let at = if holders.len() > COMPARED {
                self.random.random_range(0..holders.len())
            } else {
                at
            };
            let Some(number) = holders.get_index(at).copied() else { continue };
            let Some(holder) = self.known.get_mut(number as usize) else { continue };
            if now.saturating_sub(holder.seen) > self.policy.lifetime {
                past.push(number);
                continue;
            }
            let askers = holder.askers(now);
            if !asked.wants(holder.address) || askers >= self.policy.per_holder {
                continue;
            }
            match best {
                Some((_, least)) if askers > least => {}
                Some((_, least)) if askers == least => {
                    ties += 1;
                    if self.random.random_range(0..=ties) == 0 {
                        best = Some((number, askers));
                    }
                }
                _ => (best, ties) = (Some((number, askers)), 0),
            }
        }
        for number in past {
            self.forget(number);
        }
        best.map(|(number, _)| number)
    }

    /// Whether to serve a client first: it has a peer port, so it will soon serve all others.
    fn note_seed(&mut self, now: Duration, asked: &Asked) -> bool {
        self.seeds.retain(|(_, until)| *until > now);
        let Some(asker) = asked.asker else { return false };
        if let Some((_, until)) = self.seeds.iter_mut().find(|(seed, _)| *seed == asker) {
            *until = asked.until(now);
            return true;
        }
        let has_place = self.seeds.len() < self.policy.above.div_ceil(STREAMS_PER_SEED);
        if has_place {
            self.seeds.push((asker, asked.until(now)));
        }
        has_place
    }

    /// How long a client must wait, so that waiting clients come back one after another.
    fn schedule_return(&mut self, now: Duration) -> Duration {
        let (least, most) = WAIT;
        let next = self.last_return + Duration::from_secs(1) / RETURNS_PER_SECOND;
        self.last_return = next.clamp(now + least, now + most);
        self.last_return.saturating_sub(now)
    }

    /// The number of a holder; a new one if there is room.
    fn number(&mut self, now: Duration, address: SocketAddr) -> Option<u32> {
        if let Some(number) = self.numbers.get(&address) {
            return Some(*number);
        }
        let holder = Holder::new(now, address);
        let number = if self.known.len() < self.policy.max_holders {
            self.known.push(holder);
            self.known.len() as u32 - 1
        } else {
            let lifetime = self.policy.lifetime;
            let is_past =
                |old: &Holder| now.saturating_sub(old.seen) > lifetime && old.barred_until <= now;
            let number = self.known.iter().position(is_past)? as u32;
            self.forget(number);
            let place = self.known.get_mut(number as usize)?;
            self.numbers.remove(&place.address);
            *place = holder;
            number
        };
        self.numbers.insert(address, number);
        Some(number)
    }

    /// Removes all contents of a holder.
    fn forget(&mut self, number: u32) {
        let Some(holder) = self.known.get_mut(number as usize) else { return };
        for place in std::mem::take(&mut holder.contents) {
            if let Some((_, holders)) = self.contents.get_index_mut(place as usize)
                && holders.swap_remove(&number)
            {
                self.entries -= 1;
            }
        }
        holder.askers.clear();
    }
}

#[cfg(test)]
mod tests;
