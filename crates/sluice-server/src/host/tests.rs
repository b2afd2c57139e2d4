//! Which hosts are ours.

use axum::http::{HeaderMap, HeaderValue, Uri, header};

use super::Hosts;
use crate::options::Options;

fn answers(listen: &str, host: &str) -> bool {
    let hosts = Hosts::new(&Options {
        allowed_hosts: vec!["Sluice.Example".to_owned()],
        listen: Some(listen.parse().unwrap()),
        ..Options::default()
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
    hosts.check(&Uri::from_static("/"), &headers).is_ok()
}

#[test]
fn loopback_the_listen_address_and_configured_names_are_ours() {
    for host in [
        "localhost",
        "localhost:7700",
        "LOCALHOST.:1",
        "127.0.0.1:7700",
        "127.8.8.8",
        "[::1]:7700",
        "sluice.example:443",
        "10.1.2.3:7700",
    ] {
        assert!(answers("10.1.2.3:7700", host), "{host}");
    }
}

#[test]
fn other_names_are_not() {
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.1.2.4",
        "sluice.example.evil",
        "localhost@evil.example",
        ":7700",
        "[::2]",
    ] {
        assert!(!answers("10.1.2.3:7700", host), "{host}");
    }
}

#[test]
fn a_daemon_that_listens_everywhere_answers_under_its_addresses_only() {
    assert!(answers("0.0.0.0:7700", "10.1.2.4"));
    assert!(!answers("0.0.0.0:7700", "evil.example"));
}

#[test]
fn a_request_without_a_host_or_with_two_is_refused() {
    let hosts = Hosts::new(&Options::default());
    let uri = Uri::from_static("/");
    assert!(hosts.check(&uri, &HeaderMap::new()).is_err());
    let mut two = HeaderMap::new();
    two.append(header::HOST, HeaderValue::from_static("localhost"));
    two.append(header::HOST, HeaderValue::from_static("evil.example"));
    assert!(hosts.check(&uri, &two).is_err());
}
