//! The fake GitHub of `scripts/fake-github`, started for one test, with its control and the contract.
//!
//! It stands alone, so that a crate can take it in by its path too.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The name that the requests of the tests themselves go by.
const TESTS: &str = "sluice-tests";

/// A GitHub on a port of its own. It ends with the test, even one that is killed.
pub(crate) struct Fake {
    child: Child,
    root: TempDir,
    url: String,
    token: String,
}

/// What a request was answered with.
pub(crate) struct Answered {
    /// The status.
    pub(crate) status: u16,
    /// The headers, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, as JSON where it is that, otherwise as text.
    pub(crate) body: Value,
}

impl Answered {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|folder| folder.join("scripts/fake-github").is_file())
        .expect("the script lies in the repository")
        .to_path_buf()
}

impl Fake {
    /// Starts one with an empty memory: the user `octo`, who owns the organisation `acme`.
    pub(crate) fn start() -> Fake {
        let root = tempfile::tempdir().expect("a folder");
        let (child, url, token) = spawn(root.path(), 0);
        Fake {
            child,
            root,
            url,
            token,
        }
    }

    /// Kills it as a power cut does, and starts it again with the same port and memory.
    pub(crate) fn kill_and_start_again(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
        let port = self.url.rsplit(':').next().expect("a port");
        let port = port.parse().expect("a number");
        (self.child, self.url, self.token) = spawn(self.root.path(), port);
    }

    /// Its address, for `github.api_url`; pages and git are below it too.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A classic token of `octo` with every scope.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// An address for plain git, with a token in it.
    pub(crate) fn clone_url(&self, repository: &str, token: &str) -> String {
        let host = self.url.trim_start_matches("http://");
        format!("http://x-access-token:{token}@{host}/{repository}.git")
    }

    /// A request of `/_fake/…`, which must be done; `GET /_fake` lists them.
    pub(crate) fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let given = (!body.is_null()).then(|| body.to_string());
        let found = self.ask(
            method,
            &format!("/_fake{path}"),
            &[],
            given.as_deref().unwrap_or_default(),
        );
        assert_eq!(
            found.status, 200,
            "{method} /_fake{path} {body}: {}",
            found.body
        );
        found.body
    }

    /// Something goes wrong with a request that is still to come.
    pub(crate) fn fault(&self, fault: Value) {
        self.control("POST", "/faults", fault);
    }

    /// A classic token of somebody.
    pub(crate) fn token_of(&self, user: &str, scopes: &[&str]) -> String {
        let body = json!({ "user": user, "scopes": scopes });
        let made = self.control("POST", "/tokens", body);
        made["token"].as_str().expect("a token").to_owned()
    }

    /// The requests of the API that were made, each as `METHOD /path?query`.
    pub(crate) fn calls(&self) -> Vec<String> {
        let all = self.requests();
        let of_api = all.iter().filter(|one| one["kind"] == "api");
        of_api
            .map(|one| {
                let (method, path) = (one["method"].as_str(), one["path"].as_str());
                format!("{} {}", method.expect("a method"), path.expect("a path"))
            })
            .collect()
    }

    /// All that was asked: `kind` (`api`, `git`, `page`), `method`, `path`, `headers`, `body`, `status`, `leaked`.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let all = self.control("GET", "/requests", Value::Null);
        all.as_array().expect("a list").clone()
    }

    /// Begins the list of requests anew.
    pub(crate) fn forget_requests(&self) {
        self.hold();
        self.control("DELETE", "/requests", Value::Null);
    }

    /// A request of GitHub's API.
    pub(crate) fn api(&self, token: &str, method: &str, path: &str, body: Value) -> Answered {
        let given = (!body.is_null()).then(|| body.to_string());
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        self.ask(method, path, &headers, given.as_deref().unwrap_or_default())
    }

    /// A plain request with a body that may be empty; JSON, if it is not.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answered {
        request(
            self.url.trim_start_matches("http://"),
            method,
            path,
            headers,
            body,
        )
    }

    /// GitHub's own description refuses none of the requests that were made of the API, and there were some.
    ///
    /// The end of a fake asserts the same, so that it holds for every test. The requests of [`Fake::api`] are not ours
    /// and do not count.
    pub(crate) fn assert_contract(&self) {
        assert!(self.hold() > 0, "nothing was asked of the API");
    }

    /// Holds what was asked since the list was last forgotten, and says how many requests of the API there were.
    fn hold(&self) -> u64 {
        let mut ours = self.requests();
        ours.retain(|one| one["headers"]["user-agent"] != TESTS);
        for one in &ours {
            assert_eq!(one["leaked"], false, "a token was sent in the open: {one}");
        }
        ours.retain(|one| one["kind"] == "api");
        if ours.is_empty() {
            return 0;
        }
        let held = held(&Value::from(ours));
        let refused = held["refused"].as_array().expect("a list");
        assert!(
            refused.is_empty(),
            "against GitHub's description: {refused:#?}"
        );
        held["held"].as_u64().expect("a number")
    }

    /// What this fake answers to `octo` at these paths is as GitHub's own description says.
    pub(crate) fn assert_answers(&self, paths: &[&str]) {
        let words = ["answers", &self.url, &self.token];
        let done = contract(&[&words, paths].concat()).output();
        let done = done.expect("node runs");
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(
            done.status.success(),
            "against GitHub's description: {said}"
        );
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // A test that failed has its own words.
        if !std::thread::panicking() {
            self.hold();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(root: &Path, port: u16) -> (Child, String, String) {
    let mut child = Command::new(repository().join("scripts/fake-github"))
        .args(["--json", "--until-eof", "--port", &port.to_string()])
        .arg("--root")
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the fake starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is a pipe"))
        .read_line(&mut line)
        .expect("it says where it is");
    let said: Value = serde_json::from_str(&line).expect("a line of JSON");
    let word = |name: &str| said[name].as_str().expect("a word").to_owned();
    (child, word("url"), word("token"))
}

fn request(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {TESTS}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    if !body.is_empty() {
        head += "Content-Type: application/json\r\n";
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut answer = Vec::new();
    // A connection that broke, as a fault may make it, is an answer without a status.
    if let Ok(mut stream) = TcpStream::connect(host) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(120)));
        let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
        let _ = stream.read_to_end(&mut answer);
    }
    read_answer(&String::from_utf8_lossy(&answer))
}

fn read_answer(text: &str) -> Answered {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|word| word.parse().ok())
        .unwrap_or(0);
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
    Answered {
        status,
        headers,
        body,
    }
}

/// Where GitHub's description and Prism are.
fn contract_home() -> PathBuf {
    let home = std::env::var_os("SLUICE_CONTRACT").map_or_else(
        || {
            let cache = std::env::var_os("XDG_CACHE_HOME").unwrap_or_else(|| "/var/cache".into());
            PathBuf::from(cache).join("sluice/contract")
        },
        PathBuf::from,
    );
    assert!(
        home.join("installed").is_file(),
        "{} is not there; scripts/contract.sh installs it",
        home.display()
    );
    home
}

fn contract(words: &[&str]) -> Command {
    let mut command = Command::new("node");
    command
        .arg(repository().join("tests/github/contract/check.mjs"))
        .arg(contract_home())
        .args(words);
    command
}

/// Holds requests against GitHub's description; what it refuses is in `refused`.
///
/// One Prism does it for all tests that run at a time: it takes seconds to start, and ends when nobody has asked for
/// a minute.
#[expect(
    clippy::zombie_processes,
    reason = "it outlives the test that started it, and ends by itself"
)]
pub(crate) fn held(requests: &Value) -> Value {
    let home = contract_home();
    let lock = File::create(home.join("serving.lock")).expect("the folder is ours");
    lock.lock().expect("it can be locked");
    let check = std::fs::read(repository().join("tests/github/contract/check.mjs"));
    let mut hasher = DefaultHasher::new();
    check.expect("the script").hash(&mut hasher);
    let said = home.join(format!("serving-{:x}", hasher.finish()));
    let host = std::fs::read_to_string(&said).unwrap_or_default();
    let body = requests.to_string();
    let mut answer = request(&host, "POST", "/", &[], &body);
    if answer.status != 200 {
        let mut child = contract(&["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is a pipe"))
            .read_line(&mut line)
            .expect("it says where it is");
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        let host = format!("127.0.0.1:{}", line["port"]);
        std::fs::write(&said, &host).expect("the folder is ours");
        answer = request(&host, "POST", "/", &[], &body);
    }
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}
