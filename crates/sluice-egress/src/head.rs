//! The head of a request to a proxy (RFC 9112 section 3.2.2 and 3.2.3).

use url::Url;

/// The longest head, in bytes.
pub(crate) const MAX_HEAD_BYTES: usize = 32 << 10;
/// The most header fields.
const MAX_FIELDS: usize = 100;

/// What a client wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) wish: Wish,
    /// How many bytes the head has; what follows is the client's first data.
    pub(crate) length: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A tunnel.
    Tunnel,
    /// A request, as the server at the origin (`host` or `host:port`) expects it.
    Forward { origin: String, request: Vec<u8> },
}

/// What there is of a head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    More,
    Malformed,
    Whole(Head),
}

/// Fields that are between the client and the proxy only, beside those that `Connection` names.
const HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "upgrade",
    "host",
];

/// Reads a head from the start of what a client sent.
pub(crate) fn read(bytes: &[u8]) -> Read {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD_BYTES => length,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD_BYTES => return Read::More,
        Ok(_) | Err(_) => return Read::Malformed,
    };
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Read::Malformed;
    };
    let head = if method == "CONNECT" {
        tunnel(target, length)
    } else {
        forward(method, target, request.headers, length)
    };
    head.map_or(Read::Malformed, Read::Whole)
}

fn tunnel(target: &str, length: usize) -> Option<Head> {
    let (host, port) = target.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    // An IPv6 address has brackets, anything else has none.
    if host.is_empty() || (host.contains(':') && !(host.starts_with('[') && host.ends_with(']'))) {
        return None;
    }
    if host.contains(['/', '@', '?', '#', '\\']) {
        return None;
    }
    Some(Head {
        host: host.to_owned(),
        port,
        wish: Wish::Tunnel,
        length,
    })
}

fn forward(
    method: &str,
    target: &str,
    fields: &[httparse::Header<'_>],
    length: usize,
) -> Option<Head> {
    let url = Url::parse(target)
        .ok()
        .filter(|url| url.scheme() == "http")?;
    let host = url.host_str()?.to_owned();
    let port = url.port_or_known_default()?;
    let named: Vec<String> = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("connection"))
        .filter_map(|field| std::str::from_utf8(field.value).ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.clone(),
    };
    // One request a connection: what comes after it could be meant for somebody else.
    let mut head = format!(
        "{method} {}{query} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n",
        url.path()
    )
    .into_bytes();
    for field in fields {
        let name = field.name.to_ascii_lowercase();
        if HOP.contains(&name.as_str()) || named.contains(&name) {
            continue;
        }
        head.extend_from_slice(field.name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(field.value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    Some(Head {
        host,
        port,
        wish: Wish::Forward {
            origin: authority,
            request: head,
        },
        length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Head {
        match read(text.as_bytes()) {
            Read::Whole(head) => head,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn tunnels_name_host_and_port() {
        let text = "CONNECT registry.example:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\nhello";
        let head = whole(text);
        assert_eq!((head.host.as_str(), head.port), ("registry.example", 443));
        assert_eq!((head.wish, &text[head.length..]), (Wish::Tunnel, "hello"));
        assert_eq!(whole("CONNECT [::1]:443 HTTP/1.1\r\n\r\n").host, "[::1]");
    }

    #[test]
    fn requests_go_on_as_the_origin_expects_them() {
        let head = whole(
            "GET http://a.example:8080/x?y=1 HTTP/1.1\r\nHost: b.example\r\nAccept: */*\r\nProxy-Authorization: Basic x\r\n\
             Connection: close, X-Mine\r\nX-Mine: 1\r\n\r\n",
        );
        assert_eq!((head.host.as_str(), head.port), ("a.example", 8080));
        let Wish::Forward { request: sent, .. } = head.wish else {
            panic!("no request");
        };
        assert_eq!(
            String::from_utf8(sent).unwrap(),
            "GET /x?y=1 HTTP/1.1\r\nHost: a.example:8080\r\nConnection: close\r\nAccept: */*\r\n\r\n"
        );
    }

    #[test]
    fn what_is_no_request_to_a_proxy_is_refused() {
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET https://a/ HTTP/1.1\r\n\r\n",
            "GET ftp://a/ HTTP/1.1\r\n\r\n",
            "CONNECT a HTTP/1.1\r\n\r\n",
            "CONNECT a:0 HTTP/1.1\r\n\r\n",
            "CONNECT a:99999 HTTP/1.1\r\n\r\n",
            "CONNECT ::1:443 HTTP/1.1\r\n\r\n",
            "CONNECT u@a:443 HTTP/1.1\r\n\r\n",
            "CONNECT :443 HTTP/1.1\r\n\r\n",
            "\u{16}\u{3}\u{1}\u{2}",
            "SSH-2.0-x\r\n\r\n",
        ] {
            assert_eq!(read(text.as_bytes()), Read::Malformed, "{text:?}");
        }
        assert_eq!(read(b"CONNECT a:4"), Read::More);
        assert_eq!(read(&vec![b'A'; MAX_HEAD_BYTES]), Read::Malformed);
    }
}
