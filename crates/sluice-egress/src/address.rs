//! Which addresses a name may lead to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Anybody's.
    Public,
    /// Of this machine or the networks around it: only where a person said so.
    Private,
    /// Where no registry is, whoever says so: link-local with the metadata services of clouds, multicast,
    /// addresses that mean nothing.
    Never,
}

/// Tells by the registries of special-purpose addresses (RFC 6890, IANA); an address that carries another one
/// (mapped, NAT64, 6to4) is where that one is.
pub fn place(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(v4) => place_v4(v4),
        IpAddr::V6(v6) => place_v6(v6),
    }
}

fn place_v4(v4: Ipv4Addr) -> Place {
    let [a, b, c, _] = v4.octets();
    match (a, b, c) {
        (169, 254, _) | (224.., _, _) => Place::Never,
        // Alibaba's metadata service lies in the carrier-grade range.
        (100, 100, 100) if v4.octets()[3] == 200 => Place::Never,
        (0, _, _) => Place::Never,
        (127 | 10, _, _) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Place::Private,
        // Protocol assignments and benchmarks between networks.
        (192, 0, 0) | (198, 18..=19, _) => Place::Private,
        _ => Place::Public,
    }
}

fn place_v6(v6: Ipv6Addr) -> Place {
    if let Some(v4) = v6.to_ipv4_mapped() {
        return place_v4(v4);
    }
    let segments = v6.segments();
    let carried = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::Private,
        // The unspecified one, and the old form that carries an IPv4 address.
        [0, 0, 0, 0, 0, 0, ..] => Place::Never,
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => place_v4(carried(high, low)),
        [0x64, 0xff9b, 1, ..] => Place::Private,
        [0x2002, high, low, ..] => place_v4(carried(high, low)),
        // Teredo hides an address that somebody else chooses.
        [0x2001, 0, ..] => Place::Never,
        // Amazon's metadata service.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] => Place::Never,
        [first, ..] if first & 0xfe00 == 0xfc00 => Place::Private,
        [first, ..] if first & 0xffc0 == 0xfe80 || first & 0xff00 == 0xff00 => Place::Never,
        // Site-local, long given up.
        [first, ..] if first & 0xffc0 == 0xfec0 => Place::Private,
        _ => Place::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_where_it_should_be() {
        let cases = [
            (
                Place::Public,
                &[
                    "1.1.1.1",
                    "203.0.113.80",
                    "9.255.255.255",
                    "11.0.0.0",
                    "172.15.0.1",
                    "172.32.0.1",
                    "100.63.0.1",
                    "100.128.0.1",
                    "2606:4700::1111",
                    "64:ff9b::101:101",
                    "2002:101:101::",
                    "::ffff:1.1.1.1",
                ][..],
            ),
            (
                Place::Private,
                &[
                    "127.0.0.1",
                    "127.255.255.254",
                    "10.0.0.1",
                    "172.16.0.1",
                    "172.31.255.255",
                    "192.168.1.1",
                    "100.64.0.1",
                    "100.127.255.255",
                    "198.18.0.1",
                    "192.0.0.1",
                    "::1",
                    "fc00::1",
                    "fdff::1",
                    "fec0::1",
                    "::ffff:127.0.0.1",
                    "::ffff:10.0.0.1",
                    "64:ff9b::a00:1",
                    "64:ff9b:1::1",
                    "2002:7f00:1::",
                ][..],
            ),
            (
                Place::Never,
                &[
                    "169.254.169.254",
                    "169.254.0.1",
                    "0.0.0.0",
                    "0.1.2.3",
                    "224.0.0.1",
                    "240.0.0.1",
                    "255.255.255.255",
                    "100.100.100.200",
                    "::",
                    "::7f00:1",
                    "fe80::1",
                    "febf::1",
                    "ff02::1",
                    "fd00:ec2::254",
                    "2001::1",
                    "::ffff:169.254.169.254",
                    "64:ff9b::a9fe:a9fe",
                    "2002:a9fe:a9fe::",
                ][..],
            ),
        ];
        for (expected, addresses) in cases {
            for text in addresses {
                let address = text.parse().unwrap();
                assert_eq!(place(address), expected, "{text}");
            }
        }
    }
}
