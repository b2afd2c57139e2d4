//! The real git program clones and fetches from the daemon, in both protocols, shallow and whole.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::json;
use sluice_server::Options;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::world::{GOOD, PROJECT, World};

/// A daemon at a socket and a folder for clones.
struct Served {
    world: World,
    address: SocketAddr,
    shutdown: CancellationToken,
    clones: TempDir,
}

impl Served {
    async fn start() -> Served {
        let world = World::with_project().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let (factory, token) = (Arc::clone(&world.factory), shutdown.clone());
        tokio::spawn(sluice_server::serve(
            factory,
            listener,
            Options::default(),
            token,
        ));
        Served {
            world,
            address,
            shutdown,
            clones: tempfile::tempdir().unwrap(),
        }
    }

    fn url(&self, secret: &str) -> String {
        format!("http://git:{secret}@{}/git/{PROJECT}.git", self.address)
    }

    /// The project's own git data, to be filled or looked at behind the daemon's back.
    fn origin(&self) -> PathBuf {
        let folder = self.world.folder.path().join("data/git");
        folder.join(format!("{PROJECT}.git"))
    }

    fn place(&self, name: &str) -> PathBuf {
        self.clones.path().join(name)
    }

    /// Runs git below the folder of clones; it must end well.
    async fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args).await;
        let (out, err) = texts(&output);
        assert!(output.status.success(), "git {args:?}: {err}");
        out
    }

    async fn try_git(&self, args: &[&str]) -> Output {
        let mut command = git(self.clones.path());
        command.args(args);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// A commit per number on `work`, in the project's own data.
    async fn history(&self, commits: std::ops::Range<u32>) {
        self.import(&self.origin(), commits).await;
    }

    /// A commit per number on `work`, each with a file of its own; the first goes on from what is on disk.
    async fn import(&self, repository: &Path, commits: std::ops::Range<u32>) {
        let mut stream = String::new();
        for n in commits.clone() {
            let time = 1_700_000_000 + n * 60;
            let from = match n {
                0 => "from refs/heads/main^0\n",
                n if n == commits.start => "from refs/heads/work^0\n",
                _ => "",
            };
            let body = format!("file {n}\n");
            stream.push_str(&format!(
                "commit refs/heads/work\ncommitter T <t@example.invalid> {time} +0000\n\
                 data 4\nn{n:03}\n{from}M 100644 inline src/f{n}.txt\ndata {size}\n{body}\n",
                size = body.len(),
            ));
        }
        let mut command = git(repository);
        command
            .args(["fast-import", "--quiet", "--force"])
            .stdin(std::process::Stdio::piped());
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), stream.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success());
        })
        .await
        .unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// The git program with nobody's configuration.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("NO_PROXY", "127.0.0.1");
    command
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_whole_in_both_protocols() {
    let served = Served::start().await;
    served.history(0..40).await;
    let work = served
        .git(&[
            "--git-dir",
            served.origin().to_str().unwrap(),
            "rev-parse",
            "work",
        ])
        .await;
    for version in ["0", "1", "2"] {
        let protocol = format!("protocol.version={version}");
        let place = served.place(version);
        let place = place.to_str().unwrap();
        served
            .git(&[
                "-c",
                &protocol,
                "clone",
                "--quiet",
                &served.url("secret-vera"),
                place,
            ])
            .await;
        served.git(&["-C", place, "fsck", "--strict"]).await;
        let head = served.git(&["-C", place, "symbolic-ref", "HEAD"]).await;
        assert_eq!(head, "refs/heads/main");
        let there = served.git(&["-C", place, "rev-parse", "origin/work"]).await;
        assert_eq!(there, work);
        let count = served
            .git(&["-C", place, "rev-list", "--count", "origin/work"])
            .await;
        assert_eq!(count, "41");
        let shown = served
            .git(&["-C", place, "show", "origin/work:src/f39.txt"])
            .await;
        assert_eq!(shown, "file 39");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_brings_only_what_is_new() {
    let served = Served::start().await;
    served.history(0..30).await;
    for version in ["0", "2"] {
        let protocol = format!("protocol.version={version}");
        let place = served.place(&format!("v{version}"));
        let place = place.to_str().unwrap();
        served
            .git(&[
                "-c",
                &protocol,
                "clone",
                "--quiet",
                &served.url("secret-vera"),
                place,
            ])
            .await;
        let new = 100 + version.parse::<u32>().unwrap();
        served.history(new..new + 1).await;
        let fetched = served
            .try_git(&[
                "-C",
                place,
                "-c",
                &protocol,
                "fetch",
                "--progress",
                "origin",
            ])
            .await;
        let (_, err) = texts(&fetched);
        assert!(fetched.status.success(), "{err}");
        // One commit, the tree and `src`, one file.
        assert!(err.contains("Total 4 "), "{err}");
        served.git(&["-C", place, "fsck", "--strict"]).await;
        let again = served
            .git(&[
                "-C",
                place,
                "-c",
                &protocol,
                "fetch",
                "--progress",
                "origin",
            ])
            .await;
        assert_eq!(again, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_long_history_of_its_own_finds_the_common_part() {
    let served = Served::start().await;
    served.history(0..10).await;
    for version in ["0", "2"] {
        let protocol = format!("protocol.version={version}");
        let place = served.place(version);
        let place = place.to_str().unwrap();
        served
            .git(&[
                "-c",
                &protocol,
                "clone",
                "--quiet",
                "-b",
                "work",
                &served.url("secret-vera"),
                place,
            ])
            .await;
        // Enough for several rounds of haves, and for git to compress them.
        served.import(Path::new(place), 300..700).await;
        let new = 200 + version.parse::<u32>().unwrap();
        served.history(new..new + 1).await;
        served
            .git(&["-C", place, "-c", &protocol, "fetch", "--quiet", "origin"])
            .await;
        served.git(&["-C", place, "fsck", "--strict"]).await;
        let file = format!("origin/work:src/f{new}.txt");
        let shown = served.git(&["-C", place, "show", &file]).await;
        assert_eq!(shown, format!("file {new}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_clone_is_deepened_step_by_step() {
    let served = Served::start().await;
    served.history(0..20).await;
    for version in ["0", "2"] {
        let protocol = format!("protocol.version={version}");
        let place = served.place(version);
        let place = place.to_str().unwrap();
        let count = async |expected: &str| {
            let found = served
                .git(&["-C", place, "rev-list", "--count", "HEAD"])
                .await;
            assert_eq!(found, expected, "protocol {version}");
            served.git(&["-C", place, "fsck", "--strict"]).await;
        };
        let fetch = async |how: &str| {
            served
                .git(&[
                    "-C", place, "-c", &protocol, "fetch", "--quiet", how, "origin",
                ])
                .await;
        };
        served
            .git(&[
                "-c",
                &protocol,
                "clone",
                "--quiet",
                "--depth",
                "1",
                "-b",
                "work",
                &served.url("secret-vera"),
                place,
            ])
            .await;
        count("1").await;
        fetch("--depth=3").await;
        count("3").await;
        fetch("--deepen=2").await;
        count("5").await;
        // Commit n is of the minute n.
        fetch("--shallow-since=@1700000600 +0000").await;
        count("10").await;
        fetch("--unshallow").await;
        count("21").await;
        let missing = served
            .try_git(&[
                "-C",
                place,
                "-c",
                &protocol,
                "fetch",
                "--shallow-exclude=nobody",
                "origin",
            ])
            .await;
        assert!(
            texts(&missing).1.contains("nobody"),
            "{}",
            texts(&missing).1
        );
        served.git(&["-C", place, "fsck", "--strict"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_travel_and_what_is_the_daemons_own_does_not() {
    let served = Served::start().await;
    let world = &served.world;
    world.reply("olga", GOOD).await;
    world.decide("anna", "g0", "approve").await.is(200);
    world.settle().await;
    let place = served.place("proofs");
    let place = place.to_str().unwrap();
    served
        .git(&["clone", "--quiet", &served.url("secret-vera"), place])
        .await;
    served
        .git(&[
            "-C",
            place,
            "fetch",
            "--quiet",
            "origin",
            "+refs/*:refs/*",
            "--update-head-ok",
        ])
        .await;
    let refs = served
        .git(&["-C", place, "for-each-ref", "--format=%(refname)"])
        .await;
    assert!(refs.contains("refs/gates/g0"), "{refs}");
    assert!(refs.contains("refs/tags/gates/g0"), "{refs}");
    assert!(!refs.contains("refs/sluice/"), "{refs}");
    served.git(&["-C", place, "fsck", "--strict"]).await;
    let own = served
        .git(&[
            "--git-dir",
            served.origin().to_str().unwrap(),
            "for-each-ref",
            "refs/sluice/",
        ])
        .await;
    assert!(
        own.contains("refs/sluice/work-tree"),
        "the daemon has refs of its own: {own}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_no_visible_ref_reaches_is_not_given() {
    let served = Served::start().await;
    served.history(0..3).await;
    let origin = served.origin();
    let origin = origin.to_str().unwrap();
    let tree = served
        .git(&["--git-dir", origin, "rev-parse", "work^{tree}"])
        .await;
    let author = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"];
    let mut args = vec!["--git-dir", origin];
    args.extend(author);
    args.extend(["commit-tree", "-m", "hidden", &tree]);
    let hidden = served.git(&args).await;
    served
        .git(&[
            "--git-dir",
            origin,
            "update-ref",
            "refs/sluice/hidden",
            &hidden,
        ])
        .await;
    // An older commit that a visible ref reaches may be asked for by its id.
    let older = served
        .git(&["--git-dir", origin, "rev-parse", "work~2"])
        .await;
    let place = served.place("objects");
    let place = place.to_str().unwrap();
    served.git(&["init", "--quiet", place]).await;
    let url = served.url("secret-vera");
    served
        .git(&["-C", place, "fetch", "--quiet", &url, &older])
        .await;
    for oid in [hidden.as_str(), "1234567890123456789012345678901234567890"] {
        let refused = served.try_git(&["-C", place, "fetch", &url, oid]).await;
        assert!(!refused.status.success());
        let (_, err) = texts(&refused);
        assert!(err.contains("not our ref"), "{err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_people_with_a_token_clone_and_nobody_pushes() {
    let served = Served::start().await;
    let place = served.place("refused");
    let place = place.to_str().unwrap();
    for (secret, expected) in [("wrong", "Authentication failed"), ("", "could not read")] {
        let url = match secret {
            "" => format!("http://{}/git/{PROJECT}.git", served.address),
            secret => served.url(secret),
        };
        let refused = served.try_git(&["clone", &url, place]).await;
        assert!(!refused.status.success());
        assert!(
            texts(&refused).1.contains(expected),
            "{}",
            texts(&refused).1
        );
    }
    let elsewhere = served.url("secret-vera").replace(PROJECT, "nobody-s");
    let missing = served.try_git(&["clone", &elsewhere, place]).await;
    assert!(
        texts(&missing).1.contains("not found"),
        "{}",
        texts(&missing).1
    );

    // A token as a header, which leaves it out of the address.
    let url = format!("http://{}/git/{PROJECT}", served.address);
    let header = "http.extraHeader=Authorization: Bearer secret-vera";
    served
        .git(&["-c", header, "clone", "--quiet", &url, place])
        .await;
    let before = served
        .git(&[
            "--git-dir",
            served.origin().to_str().unwrap(),
            "for-each-ref",
        ])
        .await;
    let pushed = served
        .try_git(&[
            "-C",
            place,
            "push",
            &served.url("secret-adam"),
            "HEAD:refs/heads/mine",
        ])
        .await;
    assert!(!pushed.status.success());
    assert!(texts(&pushed).1.contains("403"), "{}", texts(&pushed).1);
    let after = served
        .git(&[
            "--git-dir",
            served.origin().to_str().unwrap(),
            "for-each-ref",
        ])
        .await;
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_is_cloned_too() {
    let served = Served::start().await;
    let origin = served.origin();
    for name in [
        "refs/heads/main",
        "refs/heads/work",
        "refs/sluice/work-tree",
    ] {
        served
            .git(&[
                "--git-dir",
                origin.to_str().unwrap(),
                "update-ref",
                "-d",
                name,
            ])
            .await;
    }
    for version in ["0", "2"] {
        let place = served.place(version);
        let protocol = format!("protocol.version={version}");
        served
            .git(&[
                "-c",
                &protocol,
                "clone",
                &served.url("secret-vera"),
                place.to_str().unwrap(),
            ])
            .await;
        assert!(place.join(".git").is_dir());
    }
}

#[tokio::test]
async fn requests_that_no_git_sends_are_answered_in_words() {
    let world = World::with_project().await;
    let path = format!("/git/{PROJECT}.git/git-upload-pack");
    let kind = "application/x-git-upload-pack-request";
    let post = async |version: &str, body: &[u8]| {
        let ask = world.post("vera", &path).header("git-protocol", version);
        let response = ask.body(kind, body.to_vec()).open().await;
        let status = response.status();
        let body = http_body_util::BodyExt::collect(response.into_body())
            .await
            .unwrap();
        (
            status,
            String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        )
    };
    for (version, body) in [
        ("", &b"zzzz"[..]),
        (
            "",
            b"0032want 12345678901234567890123456789012345678zz\n0000",
        ),
        ("", b"0009hello0000"),
        ("version=2", b"0014command=ls-refs\n00010009hello0000"),
        ("version=2", b"0011command=fetch0001000fwant nobody0000"),
        ("version=2", b"0011command=fetch00010009done\n0000"),
        ("version=2", b"0010command=push0000"),
        ("version=2", b"\xff\xff\xff\xff"),
    ] {
        let (status, answer) = post(version, body).await;
        assert_eq!(status, 200);
        assert!(answer.contains("ERR "), "{version} {body:?}: {answer}");
    }
    assert_eq!(post("", b"").await.1, "");
    assert_eq!(post("version=2", b"0000").await.1, "");

    let status = |response: axum::response::Response| response.status().as_u16();
    let typed = world.post("vera", &path).json(&json!({})).open().await;
    assert_eq!(status(typed), 415);
    let coded = world.post("vera", &path).header("content-encoding", "br");
    assert_eq!(status(coded.body(kind, "0000").open().await), 415);
    let broken = world.post("vera", &path).header("content-encoding", "gzip");
    assert_eq!(status(broken.body(kind, "0000").open().await), 400);
    let bomb = world.post("vera", &path).header("content-encoding", "gzip");
    assert_eq!(status(bomb.body(kind, bomb_of(64 << 20)).open().await), 413);
    let dumb = world
        .get("vera", &format!("/git/{PROJECT}.git/HEAD"))
        .open()
        .await;
    assert_eq!(status(dumb), 404);
    let nobody = world
        .get("", &format!("/git/{PROJECT}.git/info/refs"))
        .open()
        .await;
    assert_eq!(
        nobody.headers()["www-authenticate"],
        "Basic realm=\"sluice\", charset=\"UTF-8\""
    );
    assert_eq!(status(nobody), 401);
}

/// Zeros, packed.
fn bomb_of(size: usize) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..size >> 20 {
        std::io::Write::write_all(&mut writer, &zeros).unwrap();
    }
    writer.finish().unwrap()
}
