//! A network in CIDR notation, v4 or v6. Knows addresses, not who stands behind them.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::{Error, codes};

/// Bits in front of an IPv4 address that is written as an IPv6 one.
const MAPPED_BITS: u8 = 96;

/// An address or a network, with the bits behind its prefix cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn new(address: IpAddr, prefix: u8) -> Self {
        let (address, prefix) = match (address, address.to_canonical()) {
            (IpAddr::V6(_), four @ IpAddr::V4(_)) if prefix >= MAPPED_BITS => (four, prefix - MAPPED_BITS),
            _ => (address, prefix),
        };
        Self { address: masked(address, prefix), prefix }
    }

    /// Whether the address lies in it. An IPv4 address counts as one however it is written.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }

    /// Whether all of the other network lies in it.
    pub fn covers(&self, other: &Self) -> bool {
        other.prefix >= self.prefix
            && other.address.is_ipv4() == self.address.is_ipv4()
            && masked(other.address, self.prefix) == self.address
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(four.to_bits() & mask))
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & mask))
        }
    }
}

impl FromStr for Network {
    type Err = Error;

    /// `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || codes::MALFORMED.error(format!("`{text}` is no address and no network"));
        let (address, prefix) = match text.split_once('/') {
            // Not `+8`, which `parse` would take.
            Some((_, prefix)) if !prefix.bytes().all(|byte| byte.is_ascii_digit()) => return Err(wrong()),
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        if prefix > bits { Err(wrong()) } else { Ok(Self::new(address, prefix)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
