//! The profile as the engine gets it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ALLOWED, profile};

#[test]
fn each_allowed_call_is_one_name_and_stands_once() {
    let all: Vec<&str> = ALLOWED.lines().collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len());
    for name in &all {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(!name.is_empty() && name.bytes().all(is_name), "{name:?}");
    }
    // Those with conditions have no rule without one.
    for name in [
        "clone",
        "clone3",
        "ioctl",
        "personality",
        "socket",
        "socketpair",
    ] {
        assert!(!all.contains(&name), "{name}");
    }
}

#[test]
fn the_profile_refuses_what_it_does_not_name() {
    let profile: Value = serde_json::from_str(&profile()).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    assert_eq!(profile["architectures"].as_array().unwrap().len(), 1);
    // Every number but the two is let through by some rule, whatever stands in the upper half.
    let rules = profile["syscalls"].as_array().unwrap();
    let lets = |number: u64| {
        let mut controls = rules.iter().filter(|rule| rule["names"][0] == "ioctl");
        controls.any(|rule| {
            let condition = &rule["args"][0];
            let (mask, value) = (&condition["value"], &condition["valueTwo"]);
            number & mask.as_u64().unwrap() == value.as_u64().unwrap()
        })
    };
    for number in 0..0x1_0000 {
        let is_refused = [0x5412, 0x541c].contains(&number);
        for upper in [0, 1 << 32, u64::MAX << 32] {
            assert_eq!(lets(number | upper), !is_refused, "{number:#x}");
        }
    }
    assert!(lets(0x8000_5412));
}
