//! The kernel's tables by netlink, read as seldom as possible: each reading walks a whole hash table, 0.2 ms when it is
//! empty and several after many connections, whatever is asked for. So what one reading showed answers for all calls
//! entered before it, and calls that come faster than readings may be made wait for the next one together.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use fargard_model::Timestamp;

use super::{Asked, Socket};
use crate::net::diag::{ANY_STATE, Diag, Entry, Family, Protocol};

/// Readings that are remembered: one for each of a few busy ports.
const READINGS: usize = 8;
/// Most sockets of a reading that are remembered.
const MAX_SOCKETS: usize = 4096;
/// Share of the time that readings may take.
const SHARE: f64 = 0.04;
/// Seconds of it that can be saved for a burst.
const SAVED: f64 = 0.2;
/// Longest wait for the next reading.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// A way to the kernel's tables, and what they showed last.
pub(super) struct Tables {
    diag: Diag,
    readings: VecDeque<Reading>,
    purse: Purse,
}

/// Which sockets: all of a table, or those that are connected to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listing {
    family: Family,
    protocol: Protocol,
    port: Option<u16>,
}

struct Reading {
    listing: Listing,
    began: Timestamp,
    sockets: HashMap<u32, Socket>,
}

impl Tables {
    /// # Errors
    /// The kernel or the container's seccomp profile does not have it.
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { diag: Diag::open()?, readings: VecDeque::new(), purse: Purse::new(Instant::now()) })
    }

    /// The socket with that number: as it is now, or for a call as it was at some time after its entry.
    pub(super) fn find(&mut self, inode: u32, asked: Option<Asked>) -> io::Result<Option<Socket>> {
        for listing in listings(asked.and_then(|asked| asked.remote)) {
            if let Some(socket) = self.look(listing, inode, asked.map(|asked| asked.entered))? {
                return Ok(Some(socket));
            }
        }
        Ok(None)
    }

    fn look(
        &mut self,
        listing: Listing,
        inode: u32,
        entered: Option<Timestamp>,
    ) -> io::Result<Option<Socket>> {
        if let Some(entered) = entered {
            let wait = self.purse.wait(Instant::now());
            if let Some(reading) = self.readings.iter().find(|reading| reading.answers(listing, entered)) {
                let socket = reading.sockets.get(&inode);
                // A socket that was not connected yet may be by now.
                if wait > Duration::ZERO || socket.is_some_and(|socket| socket.state == Socket::ESTABLISHED) {
                    return Ok(socket.cloned());
                }
            }
            if wait > Duration::ZERO {
                thread::park_timeout(wait.min(LONGEST_WAIT));
            }
        }
        self.read(listing, inode)
    }

    /// Reads a listing, remembers it, and gives the socket with that number.
    fn read(&mut self, listing: Listing, inode: u32) -> io::Result<Option<Socket>> {
        let (began, start) = (Timestamp::now(), Instant::now());
        let mut sockets = HashMap::new();
        let mut wanted = None;
        let each = |entry: Entry| {
            let Entry { local, remote, state, inode: number } = entry;
            let socket = Socket { protocol: listing.protocol.name(), local, remote, state };
            if number == inode {
                wanted = Some(socket.clone());
            }
            if sockets.len() < MAX_SOCKETS {
                sockets.insert(number, socket);
            }
        };
        let Listing { family, protocol, port } = listing;
        let result = self.diag.list(family, protocol, ANY_STATE, port, each);
        let end = Instant::now();
        self.purse.pay(end, end.duration_since(start));
        result?;
        self.readings.retain(|reading| reading.listing != listing);
        self.readings.truncate(READINGS - 1);
        self.readings.push_front(Reading { listing, began, sockets });
        Ok(wanted)
    }
}

impl Reading {
    /// Whether it shows what became of a call.
    fn answers(&self, listing: Listing, entered: Timestamp) -> bool {
        self.listing == listing && self.began > entered
    }
}

/// Where to look, the likeliest first: what is connected to the other end's port, then whatever else there is, as a call
/// may lead elsewhere than it says.
fn listings(remote: Option<SocketAddr>) -> Vec<Listing> {
    let families = match remote {
        Some(SocketAddr::V6(_)) => [Family::V6, Family::V4],
        _ => [Family::V4, Family::V6],
    };
    let ports = remote.map(|remote| Some(remote.port())).into_iter().chain([None]);
    let mut listings = Vec::new();
    for port in ports {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            listings.extend(families.map(|family| Listing { family, protocol, port }));
        }
    }
    listings
}

/// The time readings may take.
struct Purse {
    /// Seconds; less than nothing after a reading that took longer than there was.
    saved: f64,
    filled: Instant,
}

impl Purse {
    fn new(now: Instant) -> Self {
        Self { saved: SAVED, filled: now }
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.saved = SHARE.mul_add(elapsed, self.saved).min(SAVED);
        self.filled = now;
    }

    /// Time until the next reading may be made.
    fn wait(&mut self, now: Instant) -> Duration {
        self.fill(now);
        Duration::try_from_secs_f64(-self.saved / SHARE).unwrap_or(Duration::ZERO)
    }

    fn pay(&mut self, now: Instant, spent: Duration) {
        self.fill(now);
        self.saved -= spent.as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::read_link,
        net::{TcpListener, TcpStream},
        os::fd::AsRawFd as _,
        time::{Duration, Instant},
    };

    use fargard_model::Timestamp;

    use super::{Asked, Purse, Reading, SAVED, Tables, listings};
    use crate::engine::sockets::{Socket, inode_of};

    fn number_of(stream: &TcpStream) -> u32 {
        let link = read_link(format!("/proc/self/fd/{}", stream.as_raw_fd())).unwrap();
        inode_of(link.to_str().unwrap()).unwrap()
    }

    #[test]
    fn a_burst_is_free_and_after_it_readings_take_their_share() {
        let start = Instant::now();
        let mut purse = Purse::new(start);
        assert_eq!(purse.wait(start), Duration::ZERO);
        purse.pay(start, Duration::from_secs_f64(SAVED));
        assert_eq!(purse.wait(start), Duration::ZERO);
        purse.pay(start, Duration::from_millis(1));
        let wait = purse.wait(start);
        assert!((24..=26).contains(&wait.as_millis()), "{wait:?}");
        assert_eq!(purse.wait(start + Duration::from_millis(26)), Duration::ZERO);
        let mut spent = Duration::ZERO;
        for milliseconds in 100..10_100 {
            let now = start + Duration::from_millis(milliseconds);
            if purse.wait(now).is_zero() {
                purse.pay(now, Duration::from_millis(2));
                spent += Duration::from_millis(2);
            }
        }
        assert!((390..=420).contains(&spent.as_millis()), "{spent:?}");
    }

    #[test]
    fn the_likeliest_place_comes_first_and_no_place_is_left_out() {
        for remote in ["10.0.0.1:443", "[2001:db8::1]:443"] {
            let found = listings(remote.parse().ok());
            assert_eq!(found.len(), 8);
            assert_eq!(found[0].port, Some(443));
            assert_eq!(found[0].protocol.name(), "tcp");
            assert!(found[4..].iter().all(|listing| listing.port.is_none()));
        }
        assert_eq!(listings(None).len(), 4);
    }

    #[test]
    fn one_reading_answers_for_the_calls_before_it_and_for_no_call_after_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let remote = listener.local_addr().ok();
        let mut tables = Tables::open().unwrap();
        let before = Timestamp::now();
        let [first, second] = [(); 2].map(|()| TcpStream::connect(remote.unwrap()).unwrap());
        let find = |tables: &mut Tables, stream: &TcpStream, entered| {
            let found = tables.find(number_of(stream), Some(Asked { entered, remote })).unwrap();
            (found, tables.readings.front().map(|Reading { began, .. }| *began).unwrap())
        };
        let (found, began) = find(&mut tables, &first, before);
        assert_eq!(found.unwrap().state, Socket::ESTABLISHED);
        let (found, same) = find(&mut tables, &second, before);
        assert_eq!((found.unwrap().local, same), (second.local_addr().ok(), began));
        let (found, later) = find(&mut tables, &second, Timestamp::now());
        assert_eq!(found.unwrap().state, Socket::ESTABLISHED);
        assert!(later > began);
    }

    #[test]
    fn without_time_for_readings_the_last_one_is_final() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let remote = listener.local_addr().ok();
        let mut tables = Tables::open().unwrap();
        let early = TcpStream::connect(remote.unwrap()).unwrap();
        let before = Timestamp::now();
        for listing in listings(remote) {
            tables.read(listing, number_of(&early)).unwrap();
        }
        tables.purse.pay(Instant::now(), Duration::from_secs(60));
        let late = TcpStream::connect(remote.unwrap()).unwrap();
        let find = |tables: &mut Tables, stream, entered| {
            tables.find(number_of(stream), Some(Asked { entered, remote })).unwrap()
        };
        assert!(find(&mut tables, &early, before).is_some());
        assert_eq!(find(&mut tables, &late, before), None);
        // A call after the last reading waits for another, and no longer than it must.
        assert!(find(&mut tables, &late, Timestamp::now()).is_some());
    }
}
