//! Refusals as pages.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::dashboard::frame::{Frame, Shown, page};
use crate::problem::{ApiError, Failed};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    title: &'static str,
    detail: String,
    todo: &'static str,
    status: u16,
}

/// Shows a refusal as a page, where the handler gave none.
pub(crate) async fn as_page(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let told = response.extensions();
    let (None, Some(Failed(error))) = (told.get::<Shown>(), told.get::<Failed>().cloned()) else {
        return response;
    };
    match error_page(&error) {
        Ok(mut shown) => {
            for (name, value) in error.headers() {
                shown.headers_mut().insert(name.clone(), value.clone());
            }
            shown.extensions_mut().insert(Failed(error));
            shown
        }
        Err(_) => response,
    }
}

fn error_page(error: &Arc<ApiError>) -> Result<Response, ApiError> {
    let (status, _, title, todo) = error.told();
    let shown = ErrorPage {
        frame: Frame {
            title: title.to_owned(),
            ..Frame::default()
        },
        title,
        detail: error.detail().to_owned(),
        todo,
        status: status.as_u16(),
    };
    page(status, &shown)
}
