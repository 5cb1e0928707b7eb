//! How many connections there may be, in all and of one address. Where all places are taken, room is made at the cost of the
//! address that has most: otherwise a few addresses that hold idle connections would lock everybody else out.
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wh_base::Network;

use super::seat::Seat;

/// One IPv6 customer holds a /64: it counts as one address.
const IPV6_PREFIX_BITS: u32 = 64;

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    All,
    Address,
}

impl Full {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// The counts.
#[derive(Clone)]
pub(super) struct Admission(Arc<Inner>);

struct Inner {
    all_max: u32,
    address_max: u32,
    /// Behind these stand many people.
    proxies: Vec<Network>,
    /// The gauge that shows how many are open, where one does.
    gauge: Option<&'static str>,
    when_full: WhenFull,
    open: Mutex<Open>,
}

/// What happens to newcomers when all places are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenFull {
    Refuse,
    MakeRoom,
}

#[derive(Default)]
struct Open {
    all: u32,
    /// How many there ever were: the number of the next one.
    next: u64,
    /// Of each address its connections, the oldest first.
    by_address: HashMap<IpAddr, Vec<(u64, Arc<Seat>)>>,
    /// The addresses, in the order in which they are asked for room: nobody has to go through all of them, of which one IPv6 customer
    /// may have thousands.
    ranked: BTreeMap<Rank, IpAddr>,
}

/// Most connections first; of as many, the one whose oldest is oldest.
type Rank = (Reverse<usize>, u64);

fn rank_of(seats: &[(u64, Arc<Seat>)]) -> Option<Rank> {
    seats.first().map(|(oldest, _)| (Reverse(seats.len()), *oldest))
}

impl Open {
    fn of(&self, address: Option<IpAddr>) -> usize {
        address.and_then(|address| self.by_address.get(&address)).map_or(0, Vec::len)
    }

    /// End the oldest connection without a whole request, of the address that has most. Nobody loses one to an address that has
    /// as many, but an address may lose one to itself.
    fn make_room(&mut self, newcomer: Option<IpAddr>) -> bool {
        let own = self.of(newcomer);
        let with_more = self.ranked.iter().take_while(|((Reverse(count), _), _)| *count > own);
        let taken = with_more.map(|(_, address)| *address).chain(newcomer).find_map(|address| {
            let (number, _) = self.by_address.get(&address)?.iter().find(|(_, seat)| seat.take())?;
            Some((address, *number))
        });
        taken.is_some_and(|(address, number)| self.leave(address, number))
    }

    fn enter(&mut self, address: IpAddr, number: u64, seat: Arc<Seat>) {
        let seats = self.by_address.entry(address).or_default();
        if let Some(rank) = rank_of(seats) {
            self.ranked.remove(&rank);
        }
        seats.push((number, seat));
        if let Some(rank) = rank_of(seats) {
            self.ranked.insert(rank, address);
        }
    }

    /// Whether it was still there: its place may have been taken already.
    fn leave(&mut self, address: IpAddr, number: u64) -> bool {
        let Some(seats) = self.by_address.get_mut(&address) else { return false };
        let Ok(at) = seats.binary_search_by_key(&number, |(number, _)| *number) else { return false };
        if let Some(rank) = rank_of(seats) {
            self.ranked.remove(&rank);
        }
        seats.remove(at);
        if let Some(rank) = rank_of(seats) {
            self.ranked.insert(rank, address);
        } else {
            self.by_address.remove(&address);
        }
        self.all = self.all.saturating_sub(1);
        true
    }
}

/// One admitted connection; its place is free again when this is dropped.
pub(super) struct Place {
    admission: Admission,
    /// None for a proxy's: it counts for all alone.
    address: Option<IpAddr>,
    number: u64,
    seat: Arc<Seat>,
}

impl Place {
    pub(super) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Admission {
    pub(super) fn new(all_max: u32, address_max: u32, proxies: Vec<Network>) -> Self {
        let when_full = WhenFull::Refuse;
        Self(Arc::new(Inner {
            all_max,
            address_max,
            proxies,
            gauge: None,
            when_full,
            open: Mutex::default(),
        }))
    }

    /// The same with its count in a gauge, and room made where all places are taken: whoever serves a connection ends it when its
    /// seat is taken.
    pub(super) fn shown(all_max: u32, address_max: u32, proxies: Vec<Network>, gauge: &'static str) -> Self {
        let (gauge, when_full) = (Some(gauge), WhenFull::MakeRoom);
        Self(Arc::new(Inner { all_max, address_max, proxies, gauge, when_full, open: Mutex::default() }))
    }

    pub(super) fn admit(&self, address: IpAddr) -> Result<Place, Full> {
        let is_proxy = self.0.proxies.iter().any(|proxies| proxies.holds(address));
        let address = (!is_proxy).then(|| counted(address));
        let mut open = self.open();
        if address.is_some() && open.of(address) >= self.0.address_max as usize {
            return Err(Full::Address);
        }
        let mut more = 1.0;
        if open.all >= self.0.all_max {
            if self.0.when_full == WhenFull::Refuse || !open.make_room(address) {
                return Err(Full::All);
            }
            more = 0.0;
        }
        let (number, seat) = (open.next, Arc::new(Seat::default()));
        open.next += 1;
        open.all += 1;
        if let Some(address) = address {
            open.enter(address, number, seat.clone());
        }
        if let Some(gauge) = self.0.gauge {
            metrics::gauge!(gauge).increment(more);
        }
        Ok(Place { admission: self.clone(), address, number, seat })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        let was_there = match self.address {
            Some(address) => open.leave(address, self.number),
            None => {
                open.all = open.all.saturating_sub(1);
                true
            }
        };
        if let Some(gauge) = self.admission.0.gauge.filter(|_| was_there) {
            metrics::gauge!(gauge).decrement(1.0);
        }
    }
}

/// As what an address counts: IPv4 as itself, IPv6 as its network.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::MAX << (u128::BITS - IPV6_PREFIX_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & network))
        }
    }
}
