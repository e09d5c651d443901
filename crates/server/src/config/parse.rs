//! How values are written.

use std::{
    net::{IpAddr, Ipv6Addr},
    ops::RangeInclusive,
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net};

/// A duration: `500ms`, `30s`, `15m`, `2h`, `7d`, or a bare number of seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || "must be a duration like 500ms, 30s, 15m, 2h or 7d".to_owned();
    let (number, unit) = split(text);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let millis = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(bad)
}

/// A duration within bounds.
pub(super) fn duration_within(text: &str, bounds: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = duration(text)?;
    if bounds.contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("must be from {} to {}", written(*bounds.start()), written(*bounds.end())))
    }
}

/// A duration as [`duration`] reads it.
fn written(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    match units.into_iter().find(|(factor, _)| millis > 0 && millis.is_multiple_of(*factor)) {
        Some((factor, unit)) => format!("{}{unit}", millis / factor),
        None => "0".to_owned(),
    }
}

/// A size in bytes: `10mb`, `512kb`, `1gb`, or a bare number; a kilobyte has 1,024.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let bad = || "must be a size like 10mb, 512kb or 1048576".to_owned();
    let (number, unit) = split(text);
    let number: usize = number.parse().map_err(|_| bad())?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        _ => return Err(bad()),
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(bad)
}

fn split(text: &str) -> (&str, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number, unit.trim_start())
}

/// `true` or `false`.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

/// A whole number of at least one.
pub(super) fn count(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("must be a whole number from 1 to 4294967295".to_owned()),
    }
}

/// An origin as browsers send it: scheme, host and perhaps a port, and nothing else.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let bad = || format!("must be origins like https://shop.example with commas between, not {text}");
    if text == "*" {
        return Err("must name each origin: * would let every page in the world act for your users".to_owned());
    }
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://").ok_or_else(bad)?;
    let usual = match scheme {
        "http" => "80",
        "https" => "443",
        // Apps and extensions: their origins have no port.
        "capacitor" | "ionic" | "tauri" | "chrome-extension" | "moz-extension" | "safari-web-extension"
            if is_host(authority) =>
        {
            return Ok(text);
        }
        _ => return Err(bad()),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if !is_host(host) || port.is_some_and(|port| !port.parse().is_ok_and(|port: u16| port > 0)) {
        return Err(bad());
    }
    // Browsers leave the usual port out, and would never match it.
    Ok(match port.filter(|port| *port != usual) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

/// Whether this is a name or an address, an IPv6 one in brackets.
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')),
    }
}

/// An address, or a network in CIDR notation. IPv4 addresses that are written as IPv6 ones (`::ffff:10.0.0.1`) become
/// IPv4 addresses, as those of clients do.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let bad = || format!("must be addresses or networks like 10.0.0.0/8 with commas between, not {text}");
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    match text.parse().map_err(|_| bad())? {
        IpNet::V6(network) if let Some(v4) = network.addr().to_ipv4_mapped() => {
            let length = network.prefix_len().checked_sub(MAPPED_PREFIX);
            let network = length.and_then(|length| Ipv4Net::new(v4, length).ok()).ok_or_else(bad)?;
            Ok(IpNet::V4(network.trunc()))
        }
        network => Ok(network.trunc()),
    }
}

/// The bits before the IPv4 address in an IPv4-mapped IPv6 address.
const MAPPED_PREFIX: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let secs = |text| duration(text).map(|duration| duration.as_secs());
        assert_eq!(secs("15m"), Ok(900));
        assert_eq!(secs("7d"), Ok(604_800));
        assert_eq!(secs("2h"), Ok(7_200));
        assert_eq!(secs("30"), Ok(30));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "m", "-1s", "1.5h", "1y", "99999999999999999999s", "18446744073709551615d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn duration_out_of_bounds_is_refused() {
        let bounds = Duration::from_secs(1)..=Duration::from_hours(365 * 24);
        assert_eq!(duration_within("365d", &bounds), Ok(Duration::from_hours(365 * 24)));
        for bad in ["0", "999ms", "366d", "100000000d"] {
            assert_eq!(duration_within(bad, &bounds), Err("must be from 1s to 365d".to_owned()), "{bad}");
        }
        let bounds = Duration::ZERO..=Duration::from_mins(90);
        assert_eq!(duration_within("91m", &bounds), Err("must be from 0 to 90m".to_owned()));
        assert_eq!(written(Duration::from_millis(1_500)), "1500ms");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("10mb"), Ok(10 * 1_024 * 1_024));
        assert_eq!(size("512KB"), Ok(512 * 1_024));
        assert_eq!(size("123"), Ok(123));
        for bad in ["", "0", "mb", "10tb", "-5"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origins_have_no_path() {
        let good = |text: &str| origin(text).unwrap();
        assert_eq!(good("https://Shop.example:8443"), "https://shop.example:8443");
        assert_eq!(good("https://shop.example:443"), "https://shop.example");
        assert_eq!(good("http://shop.example:443"), "http://shop.example:443");
        assert_eq!(good("http://[::1]:3000"), "http://[::1]:3000");
        assert_eq!(good("http://[::1]"), "http://[::1]");
        for app in ["capacitor://localhost", "tauri://localhost", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"]
        {
            assert_eq!(good(app), app);
        }
        for bad in [
            "*",
            "shop.example",
            "https://",
            "https://:80",
            "https://shop.example/",
            "ftp://x",
            "https://a b",
            "https://a:b:1",
            "https://a:0",
            "https://a:70000",
            "https://a:",
            "https://[::1",
            "https://me@a",
            "capacitor://",
            "tauri://localhost/",
            "chrome-extension://a:1",
            "file://localhost",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn network_may_be_one_address() {
        assert_eq!(network("10.0.0.7").unwrap().to_string(), "10.0.0.7/32");
        assert_eq!(network("fd00::/8").unwrap().to_string(), "fd00::/8");
        assert!(network("10.0.0.0/99").is_err());
    }

    #[test]
    fn mapped_networks_are_those_of_ipv4() {
        for (mapped, plain) in [
            ("::ffff:127.0.0.1", "127.0.0.1/32"),
            ("::ffff:7f00:1", "127.0.0.1/32"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.7/128", "10.0.0.7/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("2001:db8::7/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(network(mapped).unwrap().to_string(), plain, "{mapped}");
        }
        // The length counts the bits of IPv6: this would be a network of both.
        assert!(network("::ffff:10.0.0.0/8").is_err());
    }
}
