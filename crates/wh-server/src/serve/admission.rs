//! How many connections there may be, in all and of one address. Counts; refuses nobody itself.
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wh_base::Network;

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
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// One admitted connection; its place is free again when this is dropped.
pub(super) struct Place {
    admission: Admission,
    /// None for a proxy's: it counts for all alone.
    address: Option<IpAddr>,
}

impl Admission {
    pub(super) fn new(all_max: u32, address_max: u32, proxies: Vec<Network>) -> Self {
        Self(Arc::new(Inner { all_max, address_max, proxies, gauge: None, open: Mutex::default() }))
    }

    /// The same with its count in a gauge.
    pub(super) fn shown(all_max: u32, address_max: u32, proxies: Vec<Network>, gauge: &'static str) -> Self {
        let gauge = Some(gauge);
        Self(Arc::new(Inner { all_max, address_max, proxies, gauge, open: Mutex::default() }))
    }

    pub(super) fn admit(&self, address: IpAddr) -> Result<Place, Full> {
        let is_proxy = self.0.proxies.iter().any(|proxies| proxies.holds(address));
        let address = (!is_proxy).then(|| counted(address));
        let mut open = self.open();
        if open.all >= self.0.all_max {
            return Err(Full::All);
        }
        if let Some(address) = address {
            let of_address = open.by_address.entry(address).or_default();
            if *of_address >= self.0.address_max {
                return Err(Full::Address);
            }
            *of_address += 1;
        }
        open.all += 1;
        if let Some(gauge) = self.0.gauge {
            metrics::gauge!(gauge).increment(1.0);
        }
        Ok(Place { admission: self.clone(), address })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.all = open.all.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(of_address) = open.by_address.get_mut(&address)
        {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                open.by_address.remove(&address);
            }
        }
        if let Some(gauge) = self.admission.0.gauge {
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
