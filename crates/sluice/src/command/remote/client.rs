//! Asks a running daemon, and turns its problems into words.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::{Value, json};

use crate::cli::Remote;
use crate::exit::{Exit, chain};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer, in bytes.
const LONGEST: usize = 64 << 20;
/// The most pages of a list.
const MOST_PAGES: usize = 1_000;

/// What is sent.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// A JSON document.
    Json(Value),
    /// An agent's reply.
    Markdown(Vec<u8>),
}

/// A connection to one daemon.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
}

impl Client {
    /// Sets a client up; connects to nothing yet.
    pub(super) fn new(remote: &Remote) -> Result<Client, Exit> {
        let wrong = || {
            Exit::usage(format!(
                "--url takes the daemon's address, as in http://127.0.0.1:7700, not {:?}",
                remote.url
            ))
        };
        let base = Url::parse(&remote.url).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong());
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = &remote.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
                .map_err(|_| Exit::usage("the token has characters that no token has"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        // Fails only when it is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .timeout(PATIENCE)
            // A redirect would carry the token elsewhere.
            .redirect(Policy::none());
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Exit::missing(format!("no HTTP client: {}", chain(&error))))?;
        Ok(Client { http, base })
    }

    /// Calls `path` below `/api/v1`; an empty answer is `{"ok": true}`.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &[&str],
        body: Body,
    ) -> Result<Value, Exit> {
        self.ask(method, self.url(path)?, body).await
    }

    /// All pages of a list, as one.
    pub(super) async fn pages(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Exit> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut url = self.url(path)?;
            // An empty query would leave a question mark behind.
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            if let Some(cursor) = &cursor {
                url.query_pairs_mut().append_pair("cursor", cursor);
            }
            let mut page = self.ask(Method::GET, url, Body::None).await?;
            let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) else {
                return Err(Exit::failed(
                    "the daemon's answer is no list; is it another version?",
                ));
            };
            items.extend(found);
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        Ok(json!({"items": items, "next_cursor": cursor}))
    }

    fn url(&self, path: &[&str]) -> Result<Url, Exit> {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        match url.path_segments_mut() {
            // Each part is escaped by itself, so that no name leads to another route.
            Ok(mut segments) => segments.pop_if_empty().extend(["api", "v1"]).extend(path),
            Err(()) => return Err(Exit::usage(format!("{} cannot have a path", self.base))),
        };
        Ok(url)
    }

    async fn ask(&self, method: Method, url: Url, body: Body) -> Result<Value, Exit> {
        let request = self.http.request(method, url);
        let request = match body {
            Body::None => request,
            Body::Json(body) => request.json(&body),
            Body::Markdown(text) => request.header(CONTENT_TYPE, "text/markdown").body(text),
        };
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let bytes = self.bytes(response).await?;
        if status.is_success() {
            if bytes.is_empty() {
                return Ok(json!({"ok": true}));
            }
            return serde_json::from_slice(&bytes).map_err(|_| {
                Exit::failed(format!(
                    "what answers at {} is no Sluice daemon: no JSON",
                    self.base
                ))
            });
        }
        Err(self.refused(status, &bytes))
    }

    async fn bytes(&self, mut response: Response) -> Result<Vec<u8>, Exit> {
        let mut bytes = Vec::new();
        let broken = |error: reqwest::Error| self.unreachable(&error);
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > LONGEST {
                return Err(Exit::failed("the daemon's answer is larger than 64 MiB"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// A problem document (RFC 9457) as a sentence.
    fn refused(&self, status: StatusCode, body: &[u8]) -> Exit {
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let said = |name: &str| problem[name].as_str().filter(|text| !text.is_empty());
        let title = said("title")
            .map(str::to_owned)
            .unwrap_or_else(|| status.canonical_reason().unwrap_or("refused").to_owned());
        let text = match said("detail") {
            Some(detail) => format!("{title}: {detail}"),
            None => title,
        };
        let text = format!("{text} (HTTP {})", status.as_u16());
        match status {
            StatusCode::UNAUTHORIZED => {
                Exit::usage(text).mend("give a valid token with --token or SLUICE_TOKEN")
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Exit::usage(text),
            _ if status.is_redirection() => Exit::usage(text).mend(
                "the daemon redirects, which is not followed with a token: give the final address with --url",
            ),
            _ => Exit::failed(text),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Exit {
        // The error's own text names the address again.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Exit::missing(format!(
            "no daemon can be reached at {}: {cause}",
            self.base
        ))
        .mend("start it with `sluice serve`, or name another address with --url or SLUICE_URL")
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
