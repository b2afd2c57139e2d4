//! The engine's greeting: its version and that of its API, in the headers of an answer that costs it nothing.
//!
//! To be asked for its version or about itself, Docker starts programs (`runc --version`), which takes longer than
//! everything else that an unchanged check needs.

use std::io;
use std::path::Path;

use bollard::ClientVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 16 << 10;
/// HTTP/1.0, so that the engine ends the connection after its answer.
const QUESTION: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n";

/// What an engine said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Its own version, such as `20.10.24`.
    pub(super) version: String,
    /// The newest version of the API that it speaks.
    api: (usize, usize),
}

impl Said {
    /// The version of the API that it and we speak.
    pub(super) fn api(&self, ours: &ClientVersion) -> ClientVersion {
        let (major, minor) = self.api.min((ours.major_version, ours.minor_version));
        ClientVersion {
            major_version: major,
            minor_version: minor,
        }
    }
}

/// Greets the engine behind a socket; `None` when it does not say what it is.
pub(super) async fn say(socket: &Path) -> io::Result<Option<Said>> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(QUESTION).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(read(&String::from_utf8_lossy(&answer)))
}

/// Reads an answer such as `HTTP/1.0 200 OK`, `Api-Version: 1.41`, `Server: Docker/20.10.24 (linux)`.
fn read(answer: &str) -> Option<Said> {
    let mut lines = answer.lines();
    let status = lines.next()?;
    if status.split(' ').nth(1) != Some("200") {
        return None;
    }
    let headers: Vec<(&str, &str)> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let header = |wanted: &str| {
        let found = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| *value)
    };
    let (major, minor) = header("api-version")?.split_once('.')?;
    let api = (major.parse().ok()?, minor.parse().ok()?);
    let (_, version) = header("server")?.split_once('/')?;
    let version = version.split(' ').next().filter(|text| !text.is_empty())?;
    Some(Said {
        version: version.to_owned(),
        api,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_tells_both_versions() {
        let docker = "HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24+dfsg1 (linux)\r\n\r\nOK";
        let said = read(docker).expect("it says both");
        assert_eq!(
            (said.version.as_str(), said.api),
            ("20.10.24+dfsg1", (1, 41))
        );
        let newer = ClientVersion {
            major_version: 1,
            minor_version: 52,
        };
        assert_eq!(said.api(&newer).to_string(), "1.41");
        let older = ClientVersion {
            major_version: 1,
            minor_version: 9,
        };
        assert_eq!(said.api(&older).to_string(), "1.9");
        let podman = "HTTP/1.1 200 OK\r\nserver: Libpod/4.3.1 (linux)\r\napi-version: 1.41\r\n\r\n";
        assert_eq!(read(podman).expect("it says both").version, "4.3.1");
    }

    #[test]
    fn what_says_less_is_asked_otherwise() {
        for answer in [
            "",
            "nonsense",
            "HTTP/1.1 500 no\r\nApi-Version: 1.41\r\nServer: Docker/1 (linux)\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer: Docker/1 (linux)\r\n\r\n",
            "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: proxy\r\n\r\n",
            "HTTP/1.1 200 OK\r\nApi-Version: one\r\nServer: Docker/1 (linux)\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nApi-Version: 1.41\r\nServer: Docker/1 (linux)\r\n",
        ] {
            assert_eq!(read(answer), None, "{answer}");
        }
    }

    #[tokio::test]
    async fn the_engine_here_says_both() {
        let said = say(Path::new("/var/run/docker.sock"))
            .await
            .expect("it answers");
        assert!(said.is_some_and(|said| said.api >= (1, 40)));
    }
}
