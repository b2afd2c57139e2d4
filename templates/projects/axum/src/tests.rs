//! Asks the application without a socket.

use axum::Router;
use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

/// Sends a request and reads the answer, which is always JSON.
async fn ask(
    app: Router,
    method: Method,
    path: &str,
    body: &str,
) -> (StatusCode, HeaderMap, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let response = app.oneshot(request).await.expect("it cannot fail");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let answer = serde_json::from_slice(&bytes).expect("JSON");
    (parts.status, parts.headers, answer)
}

#[tokio::test]
async fn health_says_that_the_service_is_well() {
    let (status, headers, answer) = ask(app(), Method::GET, "/health", "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer, json!({ "status": "ok" }));
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[tokio::test]
async fn it_greets_by_name() {
    let body = r#"{"name": " Ada "}"#;
    let (status, _, answer) = ask(app(), Method::POST, "/api/greetings", body).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(answer, json!({ "message": "Hello, Ada!" }));
}

#[tokio::test]
async fn it_refuses_input() {
    let named = |name: &str| json!({ "name": name }).to_string();
    let cases = [
        ("{}".to_owned(), 422),
        (named(" "), 422),
        (named(&"é".repeat(80)), 201),
        (named(&"é".repeat(81)), 422),
        (r#"{"name": 1}"#.to_owned(), 422),
        (r#"{"name": "Ada", "age": 36}"#.to_owned(), 422),
        ("{".to_owned(), 400),
        (String::new(), 400),
        (named(&"x".repeat(MOST)), 413),
    ];
    for (body, wanted) in cases {
        let (status, _, answer) = ask(app(), Method::POST, "/api/greetings", &body).await;
        assert_eq!(status.as_u16(), wanted, "{answer}");
        assert_eq!(answer["issues"].is_array(), wanted == 422, "{answer}");
    }
}

#[tokio::test]
async fn every_answer_is_json() {
    let (status, _, answer) = ask(app(), Method::GET, "/nowhere", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(answer, json!({ "error": "GET /nowhere does not exist" }));
    let (status, headers, answer) = ask(app(), Method::DELETE, "/api/greetings", "").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(headers[ALLOW], "POST");
    assert_eq!(
        answer,
        json!({ "error": "/api/greetings does not take DELETE" })
    );
}

#[tokio::test]
async fn it_tells_the_client_nothing_of_a_fault() {
    async fn fault() {
        panic!("the password is hunter2");
    }
    let app = finish(Router::new().route("/", get(fault)));
    let (status, _, answer) = ask(app, Method::GET, "/", "").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer, json!({ "error": "Something went wrong" }));
}
