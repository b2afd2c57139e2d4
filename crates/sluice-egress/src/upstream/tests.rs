//! Which proxy is gone through, and what it is told.

use super::*;

fn upstream(text: &str, none: &str) -> Upstream {
    Upstream::new(Some(text), Some(text), none)
        .unwrap()
        .unwrap()
}

#[test]
fn the_exceptions_are_kept_and_this_machine_is_always_one() {
    let upstream = upstream("proxy.test:3128", ".corp.test, 10.0.0.0/8 ,direct.test");
    let hop = |host: &str| upstream.hop(host, 443, true).map(|hop| hop.name());
    assert_eq!(hop("registry.test").as_deref(), Some("proxy.test:3128"));
    assert_eq!(hop("notdirect.test").as_deref(), Some("proxy.test:3128"));
    for host in [
        "direct.test",
        "npm.direct.test",
        "npm.corp.test",
        "10.1.2.3",
        "127.0.0.1",
        "[::1]",
        "localhost",
    ] {
        assert_eq!(hop(host), None, "{host}");
    }
    let all = Upstream::new(None, Some("http://proxy.test"), "*")
        .unwrap()
        .unwrap();
    assert!(all.hop("registry.test", 443, true).is_none());
    let tunnels = Upstream::new(None, Some("http://proxy.test"), "")
        .unwrap()
        .unwrap();
    assert_eq!(
        tunnels
            .hop("registry.test", 443, true)
            .map(|hop| hop.name()),
        Some("proxy.test:80".to_owned())
    );
    assert!(tunnels.hop("registry.test", 80, false).is_none());
    assert!(Upstream::new(None, Some(" "), "*").unwrap().is_none());
}

#[test]
fn what_is_no_proxy_is_refused_without_being_repeated() {
    for text in [
        "socks5://u:hunter2@proxy.test",
        "https://u:hunter2@proxy.test",
        "ftp://proxy.test",
        "http://",
        "two words hunter2",
    ] {
        let error = Upstream::new(None, Some(text), "").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn a_password_is_told_to_the_proxy_and_to_nobody_else() {
    let upstream = upstream("http://ada:hunt%40r2@proxy.test:3128", "");
    assert!(!format!("{upstream:?}").contains("hunt"));
    let hop = upstream.hop("registry.test", 80, false).unwrap();
    assert_eq!(hop.name(), "proxy.test:3128");
    let request = b"GET /x?y HTTP/1.1\r\nHost: registry.test:8080\r\n\r\nbody";
    assert_eq!(
        String::from_utf8(hop.absolute("registry.test:8080", request)).unwrap(),
        // `ada:hunt@r2`, as everybody writes it (RFC 7617).
        "GET http://registry.test:8080/x?y HTTP/1.1\r\nProxy-Authorization: Basic YWRhOmh1bnRAcjI=\r\n\
         Host: registry.test:8080\r\n\r\nbody"
    );
}
