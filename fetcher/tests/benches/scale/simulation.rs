//! Agents that fetch one tree at the same time, in virtual time, with the real code of the
//! protocol: the server's decisions ([`Holders`]), the fetch's decisions ([`Known`]), the splitting
//! of blobs, and the waits.
//!
//! `network` models the links. A request takes [`REQUEST`] of the server's time, one after another,
//! and [`HOP`] on the network. Disks and CPUs are never the bottleneck, and hosts do not fail.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use fetcher_client::FetchOptions;
use fetcher_client::fetch::{Failure, Known, pieces, when_busy};
use fetcher_formats::headers::ANNOUNCED_FROM;
use fetcher_formats::{Blob, Digest};
use fetcher_server::peers::{Asked, Decision, Holders, Policy};
use fetcher_server::{PeerOptions, ServerOptions};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::network::{End, HostId, Network};
use crate::tree;

/// Nanoseconds until a message arrives.
const HOP: u64 = 100_000;
/// Nanoseconds of the server's time per request.
const REQUEST: u64 = 20_000;
/// The wait that busy servers ask for.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The host of the artifact server; the agents' hosts follow.
const SERVER: HostId = 0;

/// The result of a simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Seconds until every agent had everything.
    pub(crate) seconds: f64,
    /// Copies of the tree that the server sent.
    pub(crate) copies: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// An agent's connection requests its piece, unless it has done so earlier.
    Ask(usize, usize, u32),
    /// A message has arrived at the server, which may have others to handle first.
    Come(Message),
    /// The server handles a message.
    Answer(Message),
    /// A request of an agent's connection has arrived at a peer; the flag says whether the peer was
    /// guessed.
    AtPeer(usize, usize, usize, bool),
    /// A flow ends: its number and version.
    End(usize, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Follow {
    Anybody,
    AnybodyBut(usize),
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    /// A request of an agent's connection, and whether and where it can be redirected.
    Get(usize, usize, Follow),
    /// An agent holds a blob, or everything.
    Holds(usize, Option<usize>),
    /// An agent reports that another one lacks a blob.
    Lacks(usize, usize),
}

#[derive(Default, Clone)]
struct Connection {
    piece: usize,
    /// The peer that the piece comes from, or the server.
    source: Option<usize>,
    /// Whether it waits because all sources are busy.
    waits: bool,
    /// How often it has made a request.
    turn: u32,
}

struct Agent {
    connections: Vec<Connection>,
    next: usize,
    /// Missing pieces of each blob.
    missing: Vec<usize>,
    known: Known,
}

struct Simulation {
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    network: Network,
    /// The receiver of each flow: agent and connection.
    receivers: Vec<(usize, usize)>,
    blobs: Vec<Blob>,
    /// Blob and range of every piece, in the order of fetching.
    pieces: Vec<(usize, Range<u64>)>,
    agents: Vec<Agent>,
    holders: Holders,
    with_peers: bool,
    server_free: u64,
    random: StdRng,
}

/// Simulates this many agents that want the tree at the same time.
pub(crate) fn run(agents: usize, with_peers: bool, seed: u64) -> Outcome {
    let blobs = tree::blobs();
    let cut = |(number, blob): (usize, &Blob)| {
        pieces(blob.clone()).into_iter().map(move |range| (number, range))
    };
    let pieces: Vec<_> = blobs.iter().enumerate().flat_map(cut).collect();
    let missing: Vec<usize> =
        (0..blobs.len()).map(|blob| pieces.iter().filter(|(of, _)| *of == blob).count()).collect();
    let connections = FetchOptions::default().connections;
    let agent = |number: usize| Agent {
        connections: vec![Connection::default(); connections],
        next: 0,
        missing: missing.clone(),
        known: Known::new(seed ^ number as u64),
    };
    let above = if with_peers { ServerOptions::default().peers_above } else { 0 };
    let simulation = Simulation {
        now: 0,
        events: BinaryHeap::new(),
        count: 0,
        network: Network::new(agents + 1),
        receivers: Vec::new(),
        agents: (0..agents).map(agent).collect(),
        blobs,
        pieces,
        holders: Holders::new(Policy { above, ..Policy::default() }, seed),
        with_peers,
        server_free: 0,
        random: StdRng::seed_from_u64(seed),
    };
    simulation.run()
}

impl Simulation {
    fn run(mut self) -> Outcome {
        let mut order: Vec<usize> = (0..self.agents.len()).collect();
        rand::seq::SliceRandom::shuffle(order.as_mut_slice(), &mut self.random);
        for agent in order {
            for connection in 0..self.agents[agent].connections.len() {
                self.take(agent, connection, 0);
            }
        }
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            self.now = at;
            match event {
                Event::Ask(agent, connection, turn) => self.ask(agent, connection, turn),
                Event::Come(message) => {
                    self.server_free = self.server_free.max(self.now) + REQUEST;
                    self.at(self.server_free - self.now, Event::Answer(message));
                }
                Event::Answer(message) => self.answer(message),
                Event::AtPeer(agent, connection, peer, guessed) => {
                    self.at_peer(agent, connection, peer, guessed);
                }
                Event::End(flow, version) => self.end(End { flow, version, at }),
            }
            for end in std::mem::take(&mut self.network.ends) {
                self.at(end.at - self.now, Event::End(end.flow, end.version));
            }
        }
        let done =
            self.agents.iter().all(|agent| agent.missing.iter().all(|missing| *missing == 0));
        assert!(done, "the agents wait forever");
        Outcome {
            seconds: self.now as f64 / 1e9,
            copies: self.network.sent(SERVER) / tree::size() as f64,
        }
    }

    fn at(&mut self, after: u64, event: Event) {
        self.count += 1;
        self.events.push(Reverse((self.now + after, self.count, event)));
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.now)
    }

    /// Assigns the next piece to a connection.
    fn take(&mut self, agent: usize, connection: usize, after: u64) {
        let of = &mut self.agents[agent];
        if of.next < self.pieces.len() {
            of.connections[connection].piece = of.next;
            of.next += 1;
            self.ask_after(agent, connection, after);
        }
    }

    fn ask_after(&mut self, agent: usize, connection: usize, after: u64) {
        let of = &mut self.agents[agent].connections[connection];
        (of.turn, of.waits) = (of.turn + 1, false);
        let turn = of.turn;
        self.at(after, Event::Ask(agent, connection, turn));
    }

    /// Like `Download::ask`.
    fn ask(&mut self, agent: usize, connection: usize, turn: u32) {
        if self.agents[agent].connections[connection].turn != turn {
            return;
        }
        self.agents[agent].connections[connection].waits = false;
        let now = self.time();
        let digest = self.digest(agent, connection);
        match self.agents[agent].known.guess(now, &digest).filter(|_| self.with_peers) {
            Some(peer) => self.at(HOP, Event::AtPeer(agent, connection, number(peer), true)),
            None => self.at(HOP, Event::Come(Message::Get(agent, connection, Follow::Anybody))),
        }
    }

    fn answer(&mut self, message: Message) {
        let now = self.time();
        match message {
            Message::Get(agent, connection, follow) => self.get(agent, connection, follow),
            Message::Holds(agent, Some(blob)) => {
                self.holders.announce(now, address(agent), [self.blobs[blob].digest]).ok();
            }
            Message::Holds(agent, None) => {
                let all = self.blobs.iter().map(|blob| blob.digest);
                self.holders.complete(address(agent));
                self.holders.announce(now, address(agent), all).ok();
            }
            Message::Lacks(agent, blob) => {
                self.holders.report(now, address(agent), &self.blobs[blob].digest, true);
            }
        }
    }

    /// Like the artifact server.
    fn get(&mut self, agent: usize, connection: usize, follow: Follow) {
        let now = self.time();
        let (digest, streams) = (self.digest(agent, connection), self.network.streams(SERVER));
        let avoid = match follow {
            Follow::AnybodyBut(peer) => Some(address(peer)),
            Follow::Anybody | Follow::Nobody => None,
        };
        let asked = Asked {
            digest,
            bytes: self.bytes(agent, connection),
            asker: Some(address(agent)),
            avoid,
        };
        let decision = if follow != Follow::Nobody && self.with_peers {
            self.holders.decide(now, streams, &asked)
        } else {
            Decision::Serve
        };
        match decision {
            Decision::Serve if streams >= ServerOptions::default().max_streams => {
                self.wait(agent, connection, RETRY_AFTER);
            }
            Decision::Serve => self.send(agent, connection, None),
            Decision::Wait(wait) => self.wait(agent, connection, wait),
            // To the agent, to the peer and back for connecting, and to the peer again.
            Decision::SendTo(peer) if self.agents[agent].known.follows(now, peer, &digest) => {
                self.at(4 * HOP, Event::AtPeer(agent, connection, number(peer), false));
            }
            Decision::SendTo(peer) => {
                let again = match follow {
                    Follow::Anybody => Follow::AnybodyBut(number(peer)),
                    Follow::AnybodyBut(_) | Follow::Nobody => Follow::Nobody,
                };
                self.at(2 * HOP, Event::Come(Message::Get(agent, connection, again)));
            }
        }
    }

    fn wait(&mut self, agent: usize, connection: usize, wait: Duration) {
        let wait = when_busy(wait, self.random.random());
        self.ask_after(agent, connection, HOP + wait.as_nanos() as u64);
        self.agents[agent].connections[connection].waits = true;
    }

    /// Like a peer server, and like the fetch with its answer.
    fn at_peer(&mut self, agent: usize, connection: usize, peer: usize, guessed: bool) {
        let (now, digest) = (self.time(), self.digest(agent, connection));
        let blob = self.blob(agent, connection);
        let failure = if self.agents[peer].missing[blob] > 0 {
            Failure::Lacks
        } else if self.network.streams(peer + 1) >= PeerOptions::default().max_streams {
            Failure::Busy(RETRY_AFTER)
        } else {
            return self.send(agent, connection, Some(peer));
        };
        if self.agents[agent].known.failed(now, address(peer), &digest, failure, guessed) {
            self.at(2 * HOP, Event::Come(Message::Lacks(peer, blob)));
        }
        self.ask_after(agent, connection, HOP);
    }

    fn send(&mut self, agent: usize, connection: usize, peer: Option<usize>) {
        let (from, bytes) = (peer.map_or(SERVER, |peer| peer + 1), self.bytes(agent, connection));
        let flow = self.network.start(self.now, from, agent + 1, bytes);
        self.agents[agent].connections[connection].source = peer;
        if self.receivers.len() <= flow {
            self.receivers.resize(flow + 1, (0, 0));
        }
        self.receivers[flow] = (agent, connection);
    }

    fn end(&mut self, end: End) {
        if self.network.end(self.now, end).is_none() {
            return;
        }
        let (agent, connection) = self.receivers[end.flow];
        let blob = self.blob(agent, connection);
        if let Some(peer) = self.agents[agent].connections[connection].source
            && self.agents[agent].known.served(address(peer))
        {
            for other in
                (0..self.agents[agent].connections.len()).filter(|other| *other != connection)
            {
                if self.agents[agent].connections[other].waits {
                    self.ask_after(agent, other, 0);
                }
            }
        }
        let of = &mut self.agents[agent];
        of.missing[blob] -= 1;
        let (has_blob, has_all) =
            (of.missing[blob] == 0, of.missing.iter().all(|missing| *missing == 0));
        if self.with_peers && has_blob && self.blobs[blob].size >= ANNOUNCED_FROM {
            self.at(2 * HOP, Event::Come(Message::Holds(agent, Some(blob))));
        }
        if self.with_peers && has_all {
            self.at(2 * HOP, Event::Come(Message::Holds(agent, None)));
        }
        self.take(agent, connection, HOP);
    }

    fn piece(&self, agent: usize, connection: usize) -> &(usize, Range<u64>) {
        &self.pieces[self.agents[agent].connections[connection].piece]
    }

    fn blob(&self, agent: usize, connection: usize) -> usize {
        self.piece(agent, connection).0
    }

    fn digest(&self, agent: usize, connection: usize) -> Digest {
        self.blobs[self.blob(agent, connection)].digest
    }

    fn bytes(&self, agent: usize, connection: usize) -> u64 {
        let range = &self.piece(agent, connection).1;
        range.end - range.start
    }
}

fn address(agent: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + agent as u32), 7070))
}

fn number(address: SocketAddr) -> usize {
    match address {
        SocketAddr::V4(address) => (address.ip().to_bits() - 0x0a00_0000) as usize,
        SocketAddr::V6(_) => unreachable!("agents have no IPv6 address"),
    }
}
