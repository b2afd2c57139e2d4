//! The fake GitHub behaves as the real one: its words, its statuses, its git; and its answers have GitHub's shape.

mod fake;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use fake::Fake;
use fake::held;

/// A repository of plain git, with one commit on `main`.
fn worktree() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    done(git(folder.path(), &["init", "--quiet", "-b", "main"]));
    commit(folder.path(), "a.txt", "one\n");
    folder
}

fn git(folder: &Path, words: &[&str]) -> Output {
    Command::new("git")
        .args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "-c",
            "credential.helper=",
        ])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .expect("git runs")
}

fn commit(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(file, text).expect("a file");
    done(git(folder, &["add", "--all"]));
    done(git(folder, &["commit", "--quiet", "-m", path]));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn done(output: Output) -> String {
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
fn refused(output: Output, words: &[&str]) {
    assert!(!output.status.success());
    for word in words {
        assert!(
            said(&output).contains(word),
            "{word:?} is not in: {}",
            said(&output)
        );
    }
}

fn repository(fake: &Fake, settings: Value) -> String {
    let made = fake.control("POST", "/repos", settings);
    made["full_name"].as_str().expect("a name").to_owned()
}

#[test]
fn a_push_a_pull_request_and_its_merge_are_remembered_through_a_kill() {
    let mut fake = Fake::start();
    let token = fake.token().to_owned();
    let made = fake.api(
        &token,
        "POST",
        "/user/repos",
        json!({ "name": "my tool", "private": true }),
    );
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["full_name"], "octo/my-tool");
    let taken = fake.api(&token, "POST", "/user/repos", json!({ "name": "My-Tool" }));
    assert_eq!(taken.status, 422);
    assert_eq!(
        taken.body["errors"][0]["message"],
        "name already exists on this account"
    );
    let empty = fake.api(
        &token,
        "GET",
        "/repos/octo/my-tool/commits/main",
        Value::Null,
    );
    assert_eq!(
        (empty.status, &empty.body["message"]),
        (409, &json!("Git Repository is empty."))
    );

    let work = worktree();
    let url = fake.clone_url("octo/my-tool", &token);
    done(git(
        work.path(),
        &[
            "push",
            &url,
            "main",
            "HEAD:refs/gates/g0",
            "HEAD:refs/tags/gates/g0",
        ],
    ));
    done(git(work.path(), &["switch", "--quiet", "-c", "change"]));
    commit(work.path(), "b.txt", "two\n");
    done(git(work.path(), &["push", &url, "change"]));
    fake.kill_and_start_again();

    let head = done(git(work.path(), &["rev-parse", "HEAD"]));
    let pulls = "/repos/octo/my-tool/pulls";
    let wanted = json!({ "title": "A change", "head": "change", "base": "main", "body": "<script>words</script>" });
    let pull = fake.api(&token, "POST", pulls, wanted.clone());
    assert_eq!(
        (pull.status, &pull.body["head"]["sha"]),
        (201, &json!(head))
    );
    let again = fake.api(&token, "POST", pulls, wanted);
    assert_eq!(
        again.body["errors"][0]["message"],
        "A pull request already exists for octo:change."
    );
    let nothing = fake.api(
        &token,
        "POST",
        pulls,
        json!({ "title": "x", "head": "main", "base": "change" }),
    );
    assert_eq!(
        nothing.body["errors"][0]["message"],
        "No commits between change and main"
    );
    let listed = fake.api(
        &token,
        "GET",
        &format!("{pulls}?head=octo:change&state=open"),
        Value::Null,
    );
    assert_eq!(listed.body[0]["number"], 1);

    let status = json!({ "state": "success", "context": "sluice/g0", "description": "approved" });
    let path = format!("/repos/octo/my-tool/statuses/{head}");
    assert_eq!(fake.api(&token, "POST", &path, status).status, 201);
    let wrong = fake.api(&token, "POST", &path, json!({ "state": "succes" }));
    assert_eq!(wrong.status, 422);
    let page = fake.ask("GET", "/octo/my-tool/pull/1", &[], "");
    let page = page.body.as_str().expect("a page");
    assert!(
        page.contains("sluice/g0") && page.contains("&lt;script&gt;words"),
        "{page}"
    );

    fake.assert_answers(&[
        "/user",
        "/users/octo",
        "/orgs/acme",
        "/user/orgs",
        "/user/memberships/orgs/acme",
        "/orgs/acme/memberships/octo",
        "/user/repos",
        "/repos/octo/my-tool",
        "/repos/octo/my-tool/branches",
        "/repos/octo/my-tool/branches/main",
        "/repos/octo/my-tool/commits",
        "/repos/octo/my-tool/commits/change",
        "/repos/octo/my-tool/commits/change/status",
        "/repos/octo/my-tool/commits/change/statuses",
        "/repos/octo/my-tool/pulls",
        "/repos/octo/my-tool/pulls/1",
        "/repos/octo/my-tool/pulls/1/commits",
        "/repos/octo/my-tool/git/ref/tags/gates/g0",
        "/repos/octo/my-tool/git/matching-refs/heads/",
        "/repos/octo/my-tool/compare/main...change",
        "/repos/octo/my-tool/topics",
        "/repos/octo/my-tool/rules/branches/main",
        "/rate_limit",
        "/repos/octo/my-tool/collaborators/octo/permission",
    ]);
    let merged = fake.api(
        &token,
        "PUT",
        &format!("{pulls}/1/merge"),
        json!({ "sha": head }),
    );
    assert_eq!(merged.body["merged"], true, "{}", merged.body);
    let clone = tempfile::tempdir().expect("a folder");
    done(git(clone.path(), &["clone", "--quiet", &url, "c"]));
    assert!(clone.path().join("c/b.txt").exists());
    let gates = done(git(work.path(), &["ls-remote", &url, "refs/gates/*"]));
    assert!(gates.ends_with("refs/gates/g0"), "{gates}");
}

#[test]
fn pushes_are_refused_in_githubs_words() {
    let fake = Fake::start();
    let name = repository(
        &fake,
        json!({ "owner": "octo", "name": "tool", "private": true }),
    );
    let work = worktree();
    let url = fake.clone_url(&name, fake.token());
    done(git(work.path(), &["push", &url, "main"]));
    fake.control(
        "PUT",
        "/repos/octo/tool/protection/main",
        json!({ "contexts": ["ci"] }),
    );
    commit(work.path(), "a.txt", "three\n");
    let gh006 = "GH006: Protected branch update failed for refs/heads/main.";
    let both = git(work.path(), &["push", &url, "main", "HEAD:refs/heads/free"]);
    assert!(said(&both).contains("[new branch]"), "{}", said(&both));
    refused(
        both,
        &[
            gh006,
            "Changes must be made through a pull request.",
            "(protected branch hook declined)",
        ],
    );

    commit(work.path(), ".github/workflows/ci.yml", "on: push\n");
    let narrow = fake.clone_url(&name, &fake.token_of("octo", &["repo"]));
    let words = "refusing to allow a Personal Access Token to create or update workflow `.github/workflows/ci.yml` without `workflow` scope";
    refused(
        git(work.path(), &["push", &narrow, "HEAD:refs/heads/free"]),
        &[words],
    );
    done(git(work.path(), &["push", &url, "HEAD:refs/heads/free"]));

    let other = tempfile::tempdir().expect("a folder");
    done(git(other.path(), &["clone", "--quiet", &url, "."]));
    fake.fault(
        json!({ "method": "POST", "path": "/octo/tool.git/git-receive-pack", "close": "half" }),
    );
    commit(other.path(), "c.txt", "four\n");
    assert!(
        !git(other.path(), &["push", &url, "HEAD:refs/heads/broken"])
            .status
            .success()
    );
    let kept = fake.control("GET", "/repos/octo/tool", Value::Null);
    assert_eq!(kept["refs"].get("refs/heads/broken"), None);
    // And one that was done although the client never heard of it.
    fake.fault(
        json!({ "path": "/octo/tool.git/git-receive-pack", "when": "after", "status": 502 }),
    );
    assert!(
        !git(other.path(), &["push", &url, "HEAD:refs/heads/broken"])
            .status
            .success()
    );
    let kept = fake.control("GET", "/repos/octo/tool", Value::Null);
    assert!(kept["refs"]["refs/heads/broken"].is_string());

    fake.control("PATCH", "/repos/octo/tool", json!({ "archived": true }));
    refused(
        git(work.path(), &["push", &url, "HEAD:refs/heads/late"]),
        &["archived so it is read-only", "403"],
    );
    let path = format!("/repos/{name}/topics");
    let archived = fake.api(fake.token(), "PUT", &path, json!({ "names": ["a"] }));
    assert_eq!(
        (archived.status, &archived.body["message"]),
        (403, &json!("Repository was archived so is read-only."))
    );
}

#[test]
fn what_a_token_may_do_is_what_it_was_given() {
    let fake = Fake::start();
    fake.control("POST", "/users", json!({ "login": "eve" }));
    let name = repository(
        &fake,
        json!({ "owner": "acme", "name": "tool", "private": true, "auto_init": true }),
    );
    let path = format!("/repos/{name}");
    let get = |token: &str| fake.api(token, "GET", &path, Value::Null);
    let eve = fake.token_of("eve", &["repo"]);
    assert_eq!((get(&eve).status, get("ghp_nobody").status), (404, 401));
    assert_eq!(get("ghp_nobody").body["message"], "Bad credentials");
    let create = fake.api(&eve, "POST", "/orgs/acme/repos", json!({ "name": "x" }));
    assert_eq!(
        create.body["message"],
        "You need admin access to the organization before adding a repository to it."
    );
    refused(
        git(Path::new("/"), &["ls-remote", &fake.clone_url(&name, &eve)]),
        &["not found"],
    );
    refused(
        git(
            Path::new("/"),
            &["ls-remote", &format!("{}/{name}.git", fake.url())],
        ),
        &["terminal prompts disabled"],
    );

    fake.control("PUT", "/orgs/acme/members/eve", json!({ "role": "member" }));
    assert_eq!(get(&eve).body["permissions"]["push"], false);
    let work = worktree();
    refused(
        git(
            work.path(),
            &["push", &fake.clone_url(&name, &eve), "HEAD:refs/heads/x"],
        ),
        &["denied to eve", "403"],
    );

    let fine = json!({ "user": "octo", "kind": "fine-grained", "owner": "acme", "repositories": ["tool"],
                       "permissions": { "contents": "read" } });
    let fine = fake.control("POST", "/tokens", fine)["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(get(&fine).status, 200);
    let denied = fake.api(
        &fine,
        "POST",
        &format!("{path}/pulls"),
        json!({ "title": "x", "head": "x", "base": "main" }),
    );
    assert_eq!(
        (denied.status, &denied.body["message"]),
        (
            403,
            &json!("Resource not accessible by personal access token")
        )
    );

    fake.control("PATCH", "/repos/acme/tool", json!({ "name": "tool-2" }));
    let moved = get(fake.token());
    let to = moved.header("location").expect("an address").to_owned();
    assert_eq!(
        (moved.status, to.contains("/repositories/")),
        (301, true),
        "{to}"
    );
    let there = fake.api(
        fake.token(),
        "GET",
        to.trim_start_matches(fake.url()),
        Value::Null,
    );
    assert_eq!(there.body["full_name"], "acme/tool-2");

    let tag = there.header("etag").expect("a tag").to_owned();
    let bearer = format!("Bearer {}", fake.token());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("If-None-Match", tag.as_str()),
    ];
    assert_eq!(
        fake.ask("GET", "/repos/acme/tool-2", &headers, "").status,
        304
    );
    fake.fault(json!({ "preset": "secondary_limit", "retry_after": 7 }));
    let limited = fake.api(fake.token(), "GET", "/user", Value::Null);
    assert_eq!(
        (limited.status, limited.header("retry-after")),
        (403, Some("7"))
    );
    fake.fault(json!({ "preset": "bad_gateway", "when": "after", "path": "/user/repos" }));
    let made = json!({ "name": "late" });
    assert_eq!(
        fake.api(fake.token(), "POST", "/user/repos", made).status,
        502
    );
    assert_eq!(
        fake.api(fake.token(), "GET", "/repos/octo/late", Value::Null)
            .status,
        200
    );
}

/// A request as the fake writes it down.
fn asked(method: &str, path: &str, body: &str) -> Value {
    let headers = json!({ "content-type": "application/json", "user-agent": "sluice" });
    json!({ "kind": "api", "method": method, "path": path, "headers": headers, "body": body })
}

#[test]
fn the_contract_refuses_what_github_would() {
    let sha = "0123456789012345678901234567890123456789";
    let statuses = format!("/repos/octo/tool/statuses/{sha}");
    let right = [
        asked(
            "POST",
            "/user/repos",
            r#"{"name": "tool", "private": true}"#,
        ),
        asked("GET", "/repos/octo/tool/git/matching-refs/heads/a/b", ""),
        asked("GET", "/repos/octo/tool/branches/sluice%2Ftool", ""),
        asked("GET", "/repositories/7/pulls?state=open&head=octo:x", ""),
        asked(
            "POST",
            &statuses,
            r#"{"state": "success", "context": "sluice/g0"}"#,
        ),
    ];
    let found = held(&Value::from(right.to_vec()));
    assert_eq!(found, json!({ "held": 5, "refused": [] }));
    let wrong = [
        asked("POST", "/user/repos", r#"{"name": 3}"#),
        asked(
            "POST",
            "/orgs/acme/repos",
            r#"{"name": "tool", "descripton": "no such field"}"#,
        ),
        asked("GET", "/repos/octo/tool/pulls?stat=open", ""),
        asked("POST", &statuses, r#"{"state": "succes"}"#),
        asked("GET", "/repos/octo/tool/no-such-thing", ""),
        asked(
            "POST",
            "/repos/octo/tool/pulls",
            r#"{"title": "x", "head": "y"}"#,
        ),
    ];
    let found = held(&Value::from(wrong.to_vec()));
    let refused = found["refused"].as_array().expect("a list");
    let named =
        |list: &[Value]| -> Vec<Value> { list.iter().map(|one| one["path"].clone()).collect() };
    assert_eq!(named(refused), named(&wrong), "{refused:#?}");
}

#[test]
fn the_requests_of_a_client_are_held_and_those_of_tests_are_not() {
    let fake = Fake::start();
    let bearer = format!("Authorization: Bearer {}", fake.token());
    let curl = |words: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--header", &bearer]);
        done(command.args(words).output().expect("curl runs"))
    };
    fake.api(fake.token(), "GET", "/no-such-thing", Value::Null);
    curl(&[&format!("{}/user", fake.url())]);
    fake.assert_contract();
    assert_eq!(fake.calls().len(), 2);
    fake.forget_requests();
    assert_eq!(fake.calls().len(), 0);
    curl(&[&format!("{}/orgs/acme?page=1", fake.url())]);
    let refusal = std::panic::catch_unwind(|| fake.assert_contract());
    assert!(refusal.is_err(), "GitHub describes no such parameter");
    // It would be asserted again at the end.
    fake.control("DELETE", "/requests", Value::Null);
}

/// Listens for webhooks; each request is answered and handed on.
fn listener() -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (send, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
            while stream.read_line(&mut line).expect("a line") > 2 {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                    length = value.trim().parse().expect("a number");
                }
                head += &line;
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("a body");
            let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).expect("it is heard");
            let body = String::from_utf8(body).expect("text");
            if send.send((head, body)).is_err() {
                return;
            }
        }
    });
    (url, received)
}

/// Runs openssl on what it is given.
fn openssl(words: &[&str], given: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    let mut input = child.stdin.take().expect("it is a pipe");
    input.write_all(given).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    output.stdout
}

#[test]
fn webhooks_are_signed_and_delivered_again_when_asked() {
    let fake = Fake::start();
    let name = repository(
        &fake,
        json!({ "owner": "octo", "name": "tool", "auto_init": true }),
    );
    let (url, received) = listener();
    let next = || {
        let patience = Duration::from_secs(60);
        received.recv_timeout(patience).expect("a delivery")
    };
    let hooks = format!("/repos/{name}/hooks");
    let config = json!({ "url": url, "content_type": "json", "secret": "between us" });
    let hook = json!({ "name": "web", "events": ["push", "pull_request"], "config": config });
    let made = fake.api(fake.token(), "POST", &hooks, hook);
    assert_eq!(
        (made.status, &made.body["config"]["secret"]),
        (201, &json!("********"))
    );
    let elsewhere = json!({ "config": { "url": "https://example.org/" } });
    assert_eq!(
        fake.api(fake.token(), "POST", &hooks, elsewhere).status,
        422
    );
    assert!(next().0.contains("X-GitHub-Event: ping"));

    fake.control(
        "POST",
        "/repos/octo/tool/commits",
        json!({ "files": { "a.txt": "one" } }),
    );
    let (head, body) = next();
    let sum = openssl(
        &["dgst", "-sha256", "-hmac", "between us", "-r"],
        body.as_bytes(),
    );
    let sum = String::from_utf8(sum).expect("text");
    let sum = sum.split(' ').next().expect("a sum");
    assert!(
        head.contains(&format!("X-Hub-Signature-256: sha256={sum}")),
        "{head}"
    );
    let push: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&push["ref"], &push["forced"]),
        (&json!("refs/heads/main"), &json!(false))
    );

    fake.control("POST", "/wait", Value::Null);
    let deliveries = format!("{hooks}/{}/deliveries", made.body["id"]);
    let newest = fake.api(fake.token(), "GET", &deliveries, Value::Null).body[0].clone();
    assert_eq!(
        (&newest["event"], &newest["status_code"]),
        (&json!("push"), &json!(204))
    );
    let again = format!("{deliveries}/{}/attempts", newest["id"]);
    assert_eq!(
        fake.api(fake.token(), "POST", &again, Value::Null).status,
        202
    );
    let guid = newest["guid"].as_str().expect("a name");
    assert!(next().0.contains(guid));
    fake.assert_answers(&[&hooks, &deliveries]);
}

#[test]
fn an_app_gets_a_token_for_its_installation_with_what_it_signed() {
    let fake = Fake::start();
    repository(
        &fake,
        json!({ "owner": "acme", "name": "tool", "private": true, "auto_init": true }),
    );
    repository(
        &fake,
        json!({ "owner": "acme", "name": "other", "private": true }),
    );
    let permissions = json!({ "contents": "write", "statuses": "write" });
    let installation =
        json!({ "account": "acme", "repositories": ["tool"], "permissions": permissions });
    let app = json!({ "owner": "octo", "name": "Way Out", "installations": [installation] });
    let app = fake.control("POST", "/apps", app);
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key.pem");
    std::fs::write(&key, app["private_key"].as_str().expect("a key")).expect("a file");
    let part = |bytes: &[u8]| {
        let text = String::from_utf8(openssl(&["base64", "-A"], bytes)).expect("text");
        text.trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_")
    };
    let jwt = |lasts: u64| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let claims = json!({ "iat": now - 60, "exp": now + lasts, "iss": app["id"].to_string() });
        let signed = format!(
            "{}.{}",
            part(br#"{"alg":"RS256","typ":"JWT"}"#),
            part(claims.to_string().as_bytes())
        );
        let words = [
            "dgst",
            "-sha256",
            "-sign",
            key.to_str().expect("a path of ours"),
        ];
        let signature = openssl(&words, signed.as_bytes());
        format!("{signed}.{}", part(&signature))
    };
    let good = jwt(540);
    assert_eq!(
        fake.api(&good, "GET", "/app", Value::Null).body["slug"],
        "way-out"
    );
    let forged = format!(
        "{}.{}",
        good.rsplit_once('.').expect("parts").0,
        part(&[7; 256])
    );
    assert_eq!(fake.api(&forged, "GET", "/app", Value::Null).status, 401);
    let long = fake.api(&jwt(3600), "GET", "/app", Value::Null);
    assert_eq!(
        long.body["message"],
        "'Expiration time' claim ('exp') is too far in the future"
    );

    let found = fake.api(&good, "GET", "/repos/acme/tool/installation", Value::Null);
    let path = format!("/app/installations/{}/access_tokens", found.body["id"]);
    let made = fake.api(&good, "POST", &path, Value::Null);
    let token = made.body["token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("ghs_"));
    assert_eq!(
        fake.api(&token, "GET", "/repos/acme/tool", Value::Null)
            .status,
        200
    );
    assert_eq!(
        fake.api(&token, "GET", "/repos/acme/other", Value::Null)
            .status,
        404
    );
    let user = fake.api(&token, "GET", "/user", Value::Null);
    assert_eq!(
        (user.status, &user.body["message"]),
        (403, &json!("Resource not accessible by integration"))
    );
    let work = worktree();
    let url = fake.clone_url("acme/tool", &token);
    done(git(
        work.path(),
        &["push", &url, "HEAD:refs/heads/from-app"],
    ));
    commit(work.path(), ".github/workflows/ci.yml", "on: push\n");
    let words = "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission";
    refused(
        git(work.path(), &["push", &url, "HEAD:refs/heads/from-app"]),
        &[words],
    );
}
