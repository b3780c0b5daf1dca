//! From where a client comes, when there are proxies in between.
//!
//! Each proxy adds to `X-Forwarded-For` whom it heard from, so what a client wrote there itself stands in front. The header
//! is read from its end, as long as the one who added to it is trusted.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use service_kit::settings;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Networks of proxies whose `X-Forwarded-For` is believed; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address (10.1.2.3) nor a network (10.0.0.0/8)")]
pub struct NoNetwork(String);

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let networks = settings::list(deserializer)?;
        Self::of(networks.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}

fn network(text: &str) -> Result<IpNet, NoNetwork> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address
        .or_else(|_| text.parse())
        .map_err(|_| NoNetwork(text.to_owned()))
}

impl TrustedProxies {
    /// These networks and addresses.
    ///
    /// # Errors
    ///
    /// With the first text that is neither.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, NoNetwork> {
        texts.into_iter().map(network).collect::<Result<_, _>>().map(Self)
    }

    /// The address of the client: `peer` itself unless it is a proxy that is trusted.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut hops = hops.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        while self.trusts(client)
            && let Some(hop) = hops.next().and_then(address)
        {
            client = hop;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Proxies write an address, some of them with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let with_port = || hop.parse().ok().map(|address: SocketAddr| address.ip());
    let address = hop.parse().ok().or_else(with_port)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = TrustedProxies::of(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_what_a_trusted_proxy_added_is_believed() {
        let forged = "198.51.100.1, 10.9.9.9";
        assert_eq!(
            client("203.0.113.5", &[forged]),
            "203.0.113.5",
            "no proxy of ours"
        );
        assert_eq!(client("10.1.1.1", &["198.51.100.1, 203.0.113.5"]), "203.0.113.5");
        assert_eq!(
            client("10.1.1.1", &["1.2.3.4, 203.0.113.5, 10.2.2.2", "192.0.2.7"]),
            "203.0.113.5"
        );
        assert_eq!(client("::ffff:10.1.1.1", &["[2001:db8::5]:4711"]), "2001:db8::5");
        assert_eq!(client("fd00::1", &["203.0.113.5:80"]), "203.0.113.5");
    }

    #[test]
    fn without_a_client_that_is_named_the_last_proxy_is_it() {
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &["203.0.113.5, unknown"]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &["10.2.2.2"]), "10.2.2.2");
    }

    #[test]
    fn networks_are_read_from_a_text_or_a_list_and_what_is_none_is_named() {
        let list: TrustedProxies = serde_json::from_str(r#"["10.0.0.0/8", "::1"]"#).unwrap();
        assert_eq!(list, serde_json::from_str(r#""10.0.0.0/8,::1""#).unwrap());
        assert_eq!(
            serde_json::from_str::<TrustedProxies>(r#""""#).unwrap(),
            TrustedProxies::default()
        );
        let refused = serde_json::from_str::<TrustedProxies>(r#"["10.0.0.0/33"]"#).unwrap_err();
        assert!(refused.to_string().contains("10.0.0.0/33"), "{refused}");
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_sends_is_a_panic(line in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = axum::http::HeaderValue::from_bytes(&line) {
                headers.insert(FORWARDED_FOR, value);
            }
            let trusted = TrustedProxies::of(["0.0.0.0/0", "::/0"]).unwrap();
            trusted.client(IpAddr::from([10, 1, 1, 1]), &headers);
        }
    }
}
