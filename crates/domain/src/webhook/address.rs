//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not public: private and shared ones, loopback, link-local, protocol assignments,
/// documentation, benchmarks, multicast and reserved ones. The last entry is an address at which Azure serves metadata.
const IPV4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// The unicast addresses of IPv6 that are assigned. What embeds addresses of IPv4 is outside of it (mapped and translated
/// ones), or among [`IPV6`].
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks within [`GLOBAL_UNICAST`] that are not public: protocol assignments with Teredo, documentation, 6to4.
const IPV6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_within_v4(address: Ipv4Addr, (network, length): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

fn is_within_v6(address: Ipv6Addr, (network, length): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

/// Whether an address is a public one, which everybody may call.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !IPV4.into_iter().any(|network| is_within_v4(address, network)),
        IpAddr::V6(address) => {
            is_within_v6(address, GLOBAL_UNICAST) && !IPV6.into_iter().any(|network| is_within_v6(address, network))
        }
    }
}

/// Names of this machine, of local networks, and of services that tell a machine its secrets. Also what is below them.
const NAMES: [&str; 8] =
    ["localhost", "localdomain", "local", "internal", "home.arpa", "metadata", "metadata.goog", "instance-data"];

/// Whether a host name, in lower case, is one of a local network by convention, whatever it resolves to.
pub fn is_reserved_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    NAMES
        .into_iter()
        .any(|reserved| name.strip_suffix(reserved).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for address in
            ["1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.128.0.0", "2606:4700::1111", "2a00::1"]
        {
            assert!(is(address), "{address}");
        }
    }

    #[test]
    fn private_and_special_addresses_are_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.19.255.255",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is(address), "{address}");
        }
    }

    #[test]
    fn local_names_are_reserved_with_all_below_them() {
        for name in [
            "localhost",
            "localhost.",
            "a.localhost",
            "metadata.google.internal",
            "metadata.google.internal.",
            "metadata.goog",
            "instance-data",
            "printer.local",
        ] {
            assert!(is_reserved_name(name), "{name}");
        }
        for name in ["example.com", "mylocalhost", "localhost.example.com", "internal.example.com", "a-metadata"] {
            assert!(!is_reserved_name(name), "{name}");
        }
    }
}
