//! Whom an installation reaches: projects that lead elsewhere, and registries that are there, odd or gone. On both
//! engines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use sluice_checks::Verdict::{Fail, Pass, Unknown};
use sluice_checks::{CheckReport, Checker, Quiet, Settings, Toolchain};
use sluice_egress::Outcome;
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, places};

/// A registry on this host's loopback; `answer` gets the path that is asked for.
pub(crate) fn registry(answer: impl Fn(&str) -> (u16, Vec<u8>) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A client that breaks off is no fault of the registry's.
            std::thread::spawn(move || serve(stream, &*answer).ok());
        }
    });
    port
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str) -> (u16, Vec<u8>)) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::from("-");
    let mut length = 0;
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
        let field = line.to_ascii_lowercase();
        if let Some(value) = field.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    // What is not read would reset the connection.
    std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
    let path = first.split(' ').nth(1).unwrap_or("/");
    let (status, body) = answer(path);
    let kind = match body.first() {
        Some(b'<') => "text/html",
        Some(b'{') => "application/json",
        _ => "application/octet-stream",
    };
    write!(
        stream,
        "HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

async fn run(bench: &Bench, checker: &Checker) -> CheckReport {
    let (request, cancel) = (bench.request(&["install"]), CancellationToken::new());
    let report = checker.run(&request, &Quiet, &cancel).await;
    report.expect("no fault of the machinery")
}

fn manifest(bench: &Bench, dependency: &str, range: &str) {
    // No other test has this name, so that no layer of another run answers.
    let name = bench.request(&[]).run_id.to_lowercase();
    bench.write(
        "package.json",
        &format!(
            "{{\n  \"name\": \"{name}\",\n  \"version\": \"1.0.0\",\n  \"dependencies\": {{ \"{dependency}\": \"{range}\" }}\n}}\n"
        ),
    );
}

/// Fails where anything but refusals of these hosts came of an installation.
#[track_caller]
fn refused(bench: &Bench, report: &CheckReport, place: &str, host: &str, port: u16) {
    let install = bench.expect(report, "install", Fail);
    let log = bench.log(install);
    assert_eq!(
        places(install)[0],
        format!("{place} registry-refused"),
        "{install:#?}\n{log}"
    );
    let named = match port {
        443 => host.to_owned(),
        port => format!("{host}:{port}"),
    };
    assert_eq!(
        install.findings[0].message,
        format!(
            "asked for {named}, which is not among the allowed registries; add it to network.registries"
        )
    );
    let of_host = |one: &&sluice_egress::Record| one.host == host && one.port == port;
    let record = install.requests.iter().find(of_host).expect("a record");
    assert_eq!(record.outcome, Outcome::NotAllowed);
    assert_eq!((record.received, record.sent), (0, 0));
    let json = serde_json::to_value(install).expect("JSON");
    assert_eq!(json["network"], "registries");
    assert!(
        json["requests"].to_string().contains("\"not_allowed\""),
        "{json}"
    );
}

async fn npm_leads_nowhere_else(bench: Bench) {
    // The service that tells a machine in a cloud its secrets.
    manifest(&bench, "x", "http://169.254.169.254/latest/meta-data");
    let report = bench.check(&["install"]).await;
    refused(&bench, &report, "package.json:4", "169.254.169.254", 80);

    // The host's loopback, with settings that would go around the proxy.
    let trap = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = trap.local_addr().expect("an address").port();
    manifest(&bench, "x", &format!("http://127.0.0.1:{port}/x.tgz"));
    bench.write(
        ".npmrc",
        &format!(
            "proxy=http://127.0.0.1:{port}/\nhttps-proxy=http://127.0.0.1:{port}/\nnoproxy=127.0.0.1,localhost\n"
        ),
    );
    let report = bench.check(&["install"]).await;
    refused(&bench, &report, ".npmrc:1", "127.0.0.1", port);

    // Another registry, for all packages and for some.
    bench.write(
        ".npmrc",
        "fund=false\nregistry=https://elsewhere.test/npm/\n",
    );
    manifest(&bench, "ms", "2.1.3");
    let report = bench.check(&["install"]).await;
    refused(&bench, &report, ".npmrc:2", "elsewhere.test", 443);
    bench.write(".npmrc", "@some:registry=https://elsewhere.test/npm/\n");
    manifest(&bench, "@some/ms", "2.1.3");
    let report = bench.check(&["install"]).await;
    refused(&bench, &report, ".npmrc:1", "elsewhere.test", 443);

    // A name that only a name server knows, and a port that no proxy is asked for.
    bench.remove(".npmrc");
    manifest(&bench, "ms", "git+ssh://git@elsewhere.test/ms.git");
    let report = bench.check(&["install"]).await;
    assert_ne!(report.checks[0].verdict, Pass, "{report:#?}");
    assert_eq!(report.checks[0].requests, []);

    trap.set_nonblocking(true).expect("a socket");
    assert!(trap.accept().is_err(), "somebody came to the host");
}

#[tokio::test]
async fn npm_leads_nowhere_else_on_the_native_engine() {
    npm_leads_nowhere_else(Bench::new(&[])).await;
}

#[tokio::test]
async fn npm_leads_nowhere_else_in_docker() {
    npm_leads_nowhere_else(Bench::docker(&[]).await).await;
}

async fn pip_leads_nowhere_else(bench: Bench) {
    bench.write(
        "requirements.txt",
        "idna==3.10\n--index-url https://169.254.169.254/simple\n--extra-index-url https://elsewhere.test/simple\n",
    );
    bench.write(
        "pip.conf",
        "[global]\nindex-url = http://127.0.0.1:9/simple\nproxy = http://127.0.0.1:9\n",
    );
    let report = bench.check(&["install"]).await;
    refused(
        &bench,
        &report,
        "requirements.txt:2",
        "169.254.169.254",
        443,
    );
    let other = &bench.expect(&report, "install", Fail).findings[1];
    assert!(other.message.starts_with("asked for elsewhere.test,"));
}

#[tokio::test]
async fn pip_leads_nowhere_else_on_the_native_engine() {
    pip_leads_nowhere_else(Bench::with(&[Toolchain::Python], &[]).await).await;
}

#[tokio::test]
async fn pip_leads_nowhere_else_in_docker() {
    pip_leads_nowhere_else(Bench::docker(&[]).await).await;
}

async fn cargo_leads_nowhere_else(bench: Bench) {
    bench.write(
        "Cargo.toml",
        "[package]\nname = \"x\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\nitoa = { version = \"1\", \
         registry-index = \"sparse+https://elsewhere.test/index/\" }\n",
    );
    bench.write("src/lib.rs", "//! Nothing.\n");
    bench.write(
        ".cargo/config.toml",
        "[http]\nproxy = \"http://127.0.0.1:9\"\n\n[source.crates-io]\nreplace-with = \"own\"\n\n[source.own]\n\
         registry = \"sparse+http://127.0.0.1:9/\"\n",
    );
    let report = bench.check(&["install"]).await;
    refused(&bench, &report, "Cargo.toml:7", "elsewhere.test", 443);
}

#[tokio::test]
async fn cargo_leads_nowhere_else_on_the_native_engine() {
    cargo_leads_nowhere_else(Bench::with(&[Toolchain::Rust], &[]).await).await;
}

#[tokio::test]
async fn cargo_leads_nowhere_else_in_docker() {
    cargo_leads_nowhere_else(Bench::docker(&[]).await).await;
}

/// A package as npm packs it, and its digests as a registry tells them.
pub(crate) fn packed(name: &str) -> (Vec<u8>, serde_json::Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = format!(r#"{{"name": "{name}", "version": "1.0.0"}}"#);
    std::fs::write(folder.path().join("package.json"), manifest).expect("a file");
    let npm = Command::new("npm")
        .args(["pack", "--ignore-scripts", "--json"])
        .current_dir(folder.path())
        .output()
        .expect("npm");
    assert!(npm.status.success(), "{npm:?}");
    let said: serde_json::Value = serde_json::from_slice(&npm.stdout).expect("JSON");
    let digests =
        serde_json::json!({"shasum": said[0]["shasum"], "integrity": said[0]["integrity"]});
    let package = std::fs::read(folder.path().join(format!("{name}-1.0.0.tgz")));
    (package.expect("a package"), digests)
}

async fn an_allowed_registry_is_reached(bench: Bench) {
    let (package, _) = packed("own");
    let listening = Arc::new(std::sync::OnceLock::new());
    let known = Arc::clone(&listening);
    let port = registry(move |path| match path {
        "/own" => {
            let port: &u16 = known.wait();
            let tarball = format!("http://127.0.0.1:{port}/own/-/own-1.0.0.tgz");
            let version = serde_json::json!({"name": "own", "version": "1.0.0", "dist": {"tarball": tarball}});
            let all = serde_json::json!({
                "name": "own", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}
            });
            (200, all.to_string().into_bytes())
        }
        "/own/-/own-1.0.0.tgz" => (200, package.clone()),
        _ => (404, Vec::new()),
    });
    listening.set(port).expect("set once");
    let url = format!("http://127.0.0.1:{port}/");
    manifest(&bench, "own", "1.0.0");
    bench.write(".npmrc", &format!("registry={url}\n"));

    // It is no public address, and nobody said that this is meant.
    let public =
        bench.checker_with(|settings| settings.registries.allow(&url, false).expect("a URL"));
    let report = run(&bench, &public).await;
    let install = bench.expect(&report, "install", Unknown);
    assert_eq!(install.requests[0].outcome, Outcome::Private);
    let note = install.note.as_deref().expect("a note");
    assert!(note.contains("network.private_registries"), "{note}");

    let private =
        bench.checker_with(|settings| settings.registries.allow(&url, true).expect("a URL"));
    let report = run(&bench, &private).await;
    let install = bench.expect(&report, "install", Pass);
    let [record] = install.requests.as_slice() else {
        panic!("{install:#?}");
    };
    assert_eq!((record.host.as_str(), record.port), ("127.0.0.1", port));
    assert_eq!((record.outcome, record.requests), (Outcome::Reached, 2));
    assert!(record.received > 100 && record.sent > 100, "{record:?}");
}

#[tokio::test]
async fn an_allowed_registry_is_reached_on_the_native_engine() {
    an_allowed_registry_is_reached(Bench::new(&[])).await;
}

#[tokio::test]
async fn an_allowed_registry_is_reached_in_docker() {
    an_allowed_registry_is_reached(Bench::docker(&[]).await).await;
}

#[tokio::test]
async fn a_registry_that_hangs_is_no_verdict() {
    let bench = Bench::new(&[]);
    // Connections wait to be taken, for ever.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    manifest(&bench, "ms", "2.1.3");
    let set = |settings: &mut Settings| {
        settings.npm_registry = Some(format!("http://127.0.0.1:{port}/"));
        settings.registries.set_patience(Duration::from_millis(500));
    };
    let report = run(&bench, &bench.checker_with(set)).await;
    let install = bench.expect(&report, "install", Unknown);
    let note = install.note.as_deref().expect("a note");
    assert!(note.contains("does not answer"), "{note}");
    assert_eq!(install.requests[0].outcome, Outcome::Unreachable);
    drop(listener);
}

#[tokio::test]
async fn a_registry_that_answers_with_a_fault_is_no_verdict() {
    for status in [405, 500] {
        let bench = Bench::new(&[]);
        let port = registry(move |_| (status, b"no".to_vec()));
        manifest(&bench, "ms", "2.1.3");
        let set = |settings: &mut Settings| {
            settings.npm_registry = Some(format!("http://127.0.0.1:{port}/"));
        };
        let report = run(&bench, &bench.checker_with(set)).await;
        let install = bench.expect(&report, "install", Unknown);
        let note = install.note.as_deref().expect("a note");
        assert!(note.contains(&format!("E{status}")), "{note}");
        assert_eq!(install.requests[0].outcome, Outcome::Reached);
    }
}
