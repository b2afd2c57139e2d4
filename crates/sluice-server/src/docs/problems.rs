//! A page for each type of problem and for each word in `code`.

use std::fmt::Write as _;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::problem::codes::{CODES, Code};
use crate::problem::{ApiError, Kind};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// `GET /problems`: all of them.
pub(crate) async fn problem_list() -> Response {
    let mut body = String::new();
    for kind in Kind::ALL {
        let (status, word, title, _) = kind.told();
        let status = status.as_u16();
        let _ = writeln!(
            body,
            "<li><a href=\"/problems/{word}\">{word}</a> ({status}): {title}</li>"
        );
    }
    page("Problems", &format!("<ul>\n{body}</ul>"))
}

/// `GET /problems/{word}`: what a type of problem, or a word in `code`, means, and what to do about it.
pub(crate) async fn problem(Path(word): Path<String>) -> Result<Response, ApiError> {
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.told().1 == word) {
        return Ok(of_kind(kind));
    }
    let code = CODES.iter().find(|code| code.word == word);
    code.map(of_code).ok_or_else(|| {
        let detail = format!("a problem of the type {word:?} does not exist");
        ApiError::new(Kind::NotFound, detail)
    })
}

fn of_kind(kind: Kind) -> Response {
    let (status, word, title, help) = kind.told();
    let status = status.as_u16();
    let mut body = format!(
        "<p>HTTP status {status}, <code>\"type\": \"/problems/{word}\"</code></p>\n<p>{}</p>\n",
        html(help)
    );
    let mut codes = CODES.iter().filter(|code| code.kind == kind).peekable();
    if codes.peek().is_some() {
        body.push_str("<h2><code>code</code></h2>\n<dl>\n");
        for Code {
            word, means, mend, ..
        } in codes
        {
            let (means, mend) = (html(means), html(mend));
            let _ = writeln!(
                body,
                "<dt id=\"{word}\"><code>{word}</code></dt>\n<dd>{means} {mend}</dd>"
            );
        }
        body.push_str("</dl>\n");
    }
    page(title, &body)
}

fn of_code(code: &Code) -> Response {
    let (status, word, title, _) = code.kind.told();
    let status = status.as_u16();
    let body = format!(
        "<p>HTTP status {status}, <a href=\"/problems/{word}\">{title}</a>, <code>\"code\": \"{}\"</code></p>\n\
         <p>{}</p>\n<p>{}</p>",
        code.word,
        html(code.means),
        html(code.mend)
    );
    page(code.word, &body)
}

fn page(title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} - Sluice</title>\n\
         <style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem }}\
         </style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}\n<p><a href=\"/problems\">All problems</a></p>\n</body>\n</html>\n"
    );
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}

/// Our words with their code spans as HTML.
fn html(text: &str) -> String {
    let safe = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let mut out = String::new();
    for (n, part) in safe.split('`').enumerate() {
        match n {
            0 => {}
            n if n % 2 == 1 => out.push_str("<code>"),
            _ => out.push_str("</code>"),
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests;
