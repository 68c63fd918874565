//! Where a request came from: its client's address, what stands for it when things are counted, and its
//! country. Nothing a header says of these is believed unless the operator names the header.

use std::net::{IpAddr, Ipv6Addr};

use hyper::header::{HeaderMap, HeaderName};
use portal_core::model::CountryCode;

/// The address limits count by: an IPv4 address, or the /64 an IPv6 address lies in (SPEC 15.4).
///
/// A home or a rented machine has a whole /64 to itself; counting its addresses singly would
/// count nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        // An IPv4 peer of a dual-stack listener looks like ::ffff:a.b.c.d, all of them one /64.
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let prefix = v6.to_bits() & (u128::MAX << 64);
                Self(Ipv6Addr::from_bits(prefix).into())
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// The client's address: the peer's, or what a trusted proxy says in the header `trusted`.
///
/// Of a list (`X-Forwarded-For`) the last entry counts, the one our own proxy added: those before
/// it are whatever the client wrote. A header that is missing or no address leaves the peer's.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: Option<&HeaderName>) -> IpAddr {
    said_by_proxy(headers, trusted)
        .and_then(|address| address.parse().ok())
        .unwrap_or(peer)
        .to_canonical()
}

/// The client's country, if a trusted proxy names one in the header `trusted` (SPEC 9.4).
///
/// What proxies say of clients they cannot place counts as not known: XX, and T1 for the Tor network, which
/// is no two letters anyway.
pub fn client_country(headers: &HeaderMap, trusted: Option<&HeaderName>) -> Option<CountryCode> {
    let code = said_by_proxy(headers, trusted)?.to_ascii_uppercase();
    let known = CountryCode::try_from(code).ok()?;
    (known.as_str() != "XX").then_some(known)
}

/// The last entry of a header: what comes before it was there when our own proxy added its own.
fn said_by_proxy<'a>(headers: &'a HeaderMap, trusted: Option<&HeaderName>) -> Option<&'a str> {
    let value = headers.get_all(trusted?).iter().next_back()?;
    value.to_str().ok()?.rsplit(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn forwarded(values: &[&'static str]) -> IpAddr {
        let name = HeaderName::from_static("x-forwarded-for");
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, hyper::header::HeaderValue::from_static(value));
        }
        client_address(PEER, &headers, Some(&name))
    }

    #[test]
    fn neighbours_in_a_64_count_as_one() {
        let one = Network::from(ip("2001:db8:1:2::1"));
        assert_eq!(one, Network::from(ip("2001:db8:1:2:ffff::2")));
        assert_ne!(one, Network::from(ip("2001:db8:1:3::1")));
    }

    #[test]
    fn ipv4_addresses_count_singly_also_when_mapped() {
        let one = Network::from(ip("::ffff:192.0.2.1"));
        assert_eq!(one, Network::from(ip("192.0.2.1")));
        assert_ne!(one, Network::from(ip("::ffff:192.0.2.2")));
    }

    #[test]
    fn only_the_entry_of_our_own_proxy_counts() {
        assert_eq!(forwarded(&["192.0.2.9, 203.0.113.7"]), ip("203.0.113.7"));
        assert_eq!(forwarded(&["192.0.2.9", "203.0.113.7"]), ip("203.0.113.7"));
    }

    #[test]
    fn without_a_usable_header_the_peer_counts() {
        assert_eq!(forwarded(&[]), PEER);
        assert_eq!(forwarded(&["192.0.2.9, unknown"]), PEER);
    }

    #[test]
    fn a_header_that_is_not_configured_counts_for_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "192.0.2.9".parse().unwrap());
        assert_eq!(client_address(PEER, &headers, None), PEER);
    }

    fn country(values: &[&str]) -> Option<String> {
        let name = HeaderName::from_static("cf-ipcountry");
        let mut headers = HeaderMap::new();
        for value in values {
            let value = hyper::header::HeaderValue::from_bytes(value.as_bytes());
            headers.append(&name, value.unwrap());
        }
        client_country(&headers, Some(&name)).map(String::from)
    }

    #[test]
    fn a_country_is_two_letters_and_no_conventional_unknown_spec_9_4() {
        assert_eq!(country(&["NO"]).as_deref(), Some("NO"));
        assert_eq!(country(&[" pt "]).as_deref(), Some("PT"));
        assert_eq!(country(&["SE", "FI"]).as_deref(), Some("FI"));
        for unknown in ["XX", "xx", "T1", "t1", "", "N", "NOR", "N1", "Norway", "ÅL"] {
            assert_eq!(country(&[unknown]), None, "{unknown:?}");
        }
        assert_eq!(country(&[]), None);
    }

    #[test]
    fn a_country_that_nobody_trusted_names_counts_for_nothing_spec_9_4() {
        let mut headers = HeaderMap::new();
        headers.insert("cf-ipcountry", "NO".parse().unwrap());
        assert_eq!(client_country(&headers, None), None);
        let other = HeaderName::from_static("x-country");
        assert_eq!(client_country(&headers, Some(&other)), None);
    }
}
