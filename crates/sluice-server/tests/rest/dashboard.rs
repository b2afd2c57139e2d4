//! The pages, as a browser without scripts sees them.

use axum::body::Body;
use axum::http::{Method, Request, header};
use sluice_factory::{ActorKind, Role};

use crate::world::{Answer, GOOD, POOR, PROJECT, World};

/// A browser that somebody has signed in with.
struct Browser<'a> {
    world: &'a World,
    cookie: String,
}

impl<'a> Browser<'a> {
    async fn of(world: &'a World, who: &str) -> Browser<'a> {
        let nobody = Browser {
            world,
            cookie: String::new(),
        };
        let token = format!("secret-{who}");
        let answer = nobody
            .post("/sign-in", &[("token", &token), ("to", "/")])
            .await;
        let answer = answer.is(303);
        let cookie = answer.header(header::SET_COOKIE);
        for word in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(word), "{cookie}");
        }
        assert!(!cookie.contains(&token), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Browser { world, cookie }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        more: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:7700")
            .header(header::COOKIE, &self.cookie);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        self.world
            .raw(request.body(Body::from(body)).unwrap())
            .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// A page as text; every page has the headers that keep what stands in it from doing anything.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await.is(200);
        looks_safe(&answer);
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, &[], fields).await
    }

    async fn post_with(
        &self,
        path: &str,
        more: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let headers = [&kind[..], more].concat();
        self.send(Method::POST, path, &headers, form.finish()).await
    }

    /// Sends a form of a page, with what stands hidden in it.
    async fn submit(&self, page: &str, to: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.page(page).await;
        let hidden = ["csrf", "subject_digest"].map(|name| (name, hidden(&page, name)));
        let mut all: Vec<(&str, &str)> = hidden
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
            .collect();
        all.extend(fields);
        self.post(to, &all).await
    }
}

fn hidden(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    Some(rest.split('"').next()?.to_owned())
}

#[track_caller]
fn looks_safe(answer: &Answer) {
    assert!(answer.header(header::CONTENT_TYPE).starts_with("text/html"));
    let policy = answer.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let text = String::from_utf8_lossy(&answer.body);
    for word in ["<script>", "onclick=", "style=\"", "javascript:"] {
        assert!(!text.contains(word), "{word} stands in {text}");
    }
}

fn at(rest: &str) -> String {
    format!("/projects/{PROJECT}{rest}")
}

#[tokio::test]
async fn who_is_not_signed_in_is_asked_to() {
    let world = World::with_project().await;
    let nobody = Browser {
        world: &world,
        cookie: String::new(),
    };
    let asked = nobody.get(&at("?x=1&y=2")).await.is(303);
    let to = asked.header(header::LOCATION).to_owned();
    assert_eq!(to, "/sign-in?to=%2Fprojects%2Fadder%3Fx%3D1%26y%3D2");
    let page = nobody.page(&to).await;
    assert_eq!(
        hidden(&page, "to"),
        Some("/projects/adder?x=1&amp;y=2".to_owned()).map(|to| to.replace("&amp;", "&#38;"))
    );

    for (token, status) in [("wrong", 401), ("", 401), ("secret-robot", 403)] {
        let refused = nobody
            .post("/sign-in", &[("token", token)])
            .await
            .is(status);
        looks_safe(&refused);
        assert_eq!(refused.header(header::SET_COOKIE), "");
    }
    // Nobody is led elsewhere.
    for to in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "",
    ] {
        let fields = [("token", "secret-vera"), ("to", to)];
        let answer = nobody.post("/sign-in", &fields).await.is(303);
        assert_eq!(answer.header(header::LOCATION), "/", "{to}");
    }
    let other = [("sec-fetch-site", "cross-site")];
    let fields = [("token", "secret-vera")];
    nobody.post_with("/sign-in", &other, &fields).await.is(403);
    nobody.post(&at("/gates/g0/start"), &[]).await.is(401);
}

#[tokio::test]
async fn a_sign_in_ends_with_its_token_or_by_signing_out() {
    let world = World::with_project().await;
    let vera = Browser::of(&world, "vera").await;
    let olga = Browser::of(&world, "olga").await;
    assert!(vera.page("/").await.contains("adder"));
    vera.submit("/", "/sign-out", &[]).await.is(303);
    vera.get("/").await.is(303);

    olga.page("/").await;
    let tokens = world.get("adam", "/tokens").send().await.is(200).json();
    let own = tokens["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "olga");
    let id = own.unwrap()["id"].as_str().unwrap();
    world.delete("adam", &format!("/tokens/{id}")).send().await;
    olga.get("/").await.is(303);
}

#[tokio::test]
async fn a_form_is_sent_only_by_the_page_that_shows_it() {
    let world = World::with_project().await;
    let (olga, anna) = (
        Browser::of(&world, "olga").await,
        Browser::of(&world, "anna").await,
    );
    let start = at("/gates/g0/start");
    let csrf = hidden(&olga.page(&at("/gates/g0")).await, "csrf").unwrap();
    let others = hidden(&anna.page(&at("/gates/g0")).await, "csrf").unwrap();
    assert_ne!(csrf, others);
    for wrong in ["", "0", &others] {
        let refused = olga.post(&start, &[("csrf", wrong)]).await.is(403);
        looks_safe(&refused);
    }
    let right = [("csrf", csrf.as_str())];
    for from in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        olga.post_with(&start, &[from], &right).await.is(403);
    }
    let ours = [
        ("origin", "http://localhost:7700"),
        ("sec-fetch-site", "same-origin"),
    ];
    olga.post_with(&start, &ours, &right).await.is(303);
    assert_eq!(world.gate("g0").await["state"], "working");
    // By a link nothing is done.
    olga.get(&at("/gates/g0/cancel")).await.is(405);
}

#[tokio::test]
async fn a_project_is_made_and_a_gate_is_passed_by_pages_alone() {
    let world = World::new().await;
    let (olga, anna) = (
        Browser::of(&world, "olga").await,
        Browser::of(&world, "anna").await,
    );
    assert!(olga.page("/").await.contains("There is no project yet"));
    let wrong = [
        ("name", "Not a name"),
        ("template", "blank"),
        ("kind", "service"),
    ];
    let refused = olga.submit("/new", "/new", &wrong).await.is(422);
    looks_safe(&refused);
    let text = String::from_utf8_lossy(&refused.body);
    assert!(
        text.contains("role=\"alert\"") && text.contains("value=\"Not a name\""),
        "{text}"
    );
    let right = [
        ("name", PROJECT),
        ("template", "blank"),
        ("kind", "service"),
    ];
    olga.submit("/new", "/new", &right).await.is(303);
    olga.submit(&at("/gates/g0"), &at("/gates/g0/start"), &[])
        .await
        .is(303);
    world.reply("olga", GOOD).await;

    let waiting = anna.page("/?only=waiting").await;
    assert!(waiting.contains("waits for approval"), "{waiting}");
    let page = anna.page(&at("/gates/g0")).await;
    for word in [
        "Approve ",
        "docs/SCOPE.md",
        "People add numbers",
        "send back to",
    ] {
        assert!(page.contains(word), "{word} is missing in {page}");
    }
    assert!(
        !Browser::of(&world, "vera")
            .await
            .page(&at("/gates/g0"))
            .await
            .contains("Approve ")
    );

    // Somebody who saw something else decides on nothing, and is told so on the page.
    let csrf = hidden(&page, "csrf").unwrap();
    let old = "0".repeat(64);
    let stale = [("csrf", csrf.as_str()), ("subject_digest", old.as_str())];
    let stale = anna.post(&at("/gates/g0/approve"), &stale).await.is(409);
    looks_safe(&stale);
    assert!(String::from_utf8_lossy(&stale.body).contains("role=\"alert\""));
    // The one who handed it in is no judge of it.
    world.token("olga", Role::Approver, ActorKind::Person).await;
    let own = olga
        .submit(&at("/gates/g0"), &at("/gates/g0/approve"), &[])
        .await;
    own.is(403);

    let seen = [("comment", "seen")];
    let done = anna
        .submit(&at("/gates/g0"), &at("/gates/g0/approve"), &seen)
        .await
        .is(303);
    let after = anna.page(done.header(header::LOCATION)).await;
    assert!(after.contains("Your approval is recorded"), "{after}");
    world.settle().await;
    let page = anna.page(&at("/gates/g0")).await;
    assert!(
        page.contains("approved") && !page.contains("Reject"),
        "{page}"
    );
    let (_, rest) = page.split_once("/proofs/").unwrap();
    let proof = at(&format!("/proofs/{}", rest.split('"').next().unwrap()));
    let shown = anna.page(&proof).await;
    assert!(
        shown.contains("predicateType") && shown.contains("sluice verify"),
        "{shown}"
    );
    let raw = anna.get(&format!("{proof}/raw")).await.is(200);
    assert!(raw.json()["payload"].is_string());
    let elsewhere = proof.replace(PROJECT, "other");
    anna.get(&elsewhere).await.is(404);
}

#[tokio::test]
async fn a_question_is_answered_by_its_form() {
    let world = World::with_project().await;
    let anna = Browser::of(&world, "anna").await;
    assert!(anna.page("/escalations").await.contains("Nobody asks"));
    world.reply("olga", POOR).await;
    let inbox = anna.page("/escalations").await;
    let (_, rest) = inbox.split_once("href=\"/escalations/").unwrap();
    let path = format!("/escalations/{}", rest.split('"').next().unwrap());
    let page = anna.page(&path).await;
    for word in ["Attempt 0", "docs/SCOPE.md", "Try again"] {
        assert!(page.contains(word), "{word} is missing in {page}");
    }
    let nothing = [("action", "dance"), ("guidance", "keep <b>this</b>")];
    let refused = anna.submit(&path, &path, &nothing).await.is(422);
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(text.contains("keep &#60;b&#62;this&#60;/b&#62;"), "{text}");
    let reject = [("action", "reject"), ("guidance", "start over")];
    let done = anna.submit(&path, &path, &reject).await.is(303);
    let after = anna.page(done.header(header::LOCATION)).await;
    assert!(after.contains("Your answer is recorded"), "{after}");
    assert!(anna.page(&path).await.contains("start over"));
}

#[tokio::test]
async fn what_others_wrote_is_text() {
    let world = World::with_project().await;
    let anna = Browser::of(&world, "anna").await;
    world
        .reply(
            "olga",
            "<script>alert(1)</script> \u{202e}evil\n\n```md:docs/SCOPE.md\n# Scope\n\n## Goals\n\n\
             <img src=x onerror=alert(1)> People \u{1b}[31madd\u{1b}[0m numbers and see the sum.\n```\n\n\
             ```html:docs/page.html\n<script>alert(2)</script><h1>Page</h1>\n```\n",
        )
        .await;
    let page = anna.page(&at("/gates/g0")).await;
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
    assert!(page.contains("‹U+202E›evil"), "{page}");
    assert!(
        !page.contains('\u{1b}') && !page.contains("<img src=x"),
        "{page}"
    );
    let commit = world.gate("g0").await["subject"]["commit"]
        .as_str()
        .unwrap()
        .to_owned();
    let frame = anna
        .get(&at(&format!("/frames/{commit}/docs/page.html")))
        .await
        .is(200);
    let policy = frame.header(header::CONTENT_SECURITY_POLICY);
    assert!(
        policy.contains("sandbox;") && !policy.contains("script"),
        "{policy}"
    );
    anna.get(&at(&format!("/frames/{commit}/docs/SCOPE.md")))
        .await
        .is(404);
    let missing = anna
        .get("/projects/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        .await
        .is(404);
    looks_safe(&missing);
}

#[tokio::test]
async fn styles_and_scripts_come_from_here() {
    let world = World::new().await;
    let nobody = Browser {
        world: &world,
        cookie: String::new(),
    };
    for (file, kind) in [
        ("sluice.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
        ("vendor/htmx.min.js", "text/javascript"),
        ("vendor/htmx-sse.min.js", "text/javascript"),
        ("vendor/htmx.LICENSE", "text/plain"),
    ] {
        let path = format!("/assets/{file}");
        let answer = nobody.get(&path).await.is(200);
        assert!(
            answer.header(header::CONTENT_TYPE).starts_with(kind),
            "{file}"
        );
        let tag = answer.header(header::ETAG).to_owned();
        let known = [("if-none-match", tag.as_str())];
        nobody
            .send(Method::GET, &path, &known, String::new())
            .await
            .is(304);
    }
    for file in ["none.css", "..%2fCargo.toml", "vendor"] {
        nobody.get(&format!("/assets/{file}")).await.is(404);
    }
}
