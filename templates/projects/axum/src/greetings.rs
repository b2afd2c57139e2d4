//! An example of a route that checks its input; replace it with your own.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Input};

/// How many characters a name may have.
const LONGEST: usize = 80;

/// Who is to be greeted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Greeting {
    name: String,
}

/// The greeting.
#[derive(Serialize)]
pub(crate) struct Greeted {
    message: String,
}

/// Greets by name.
pub(crate) async fn greet(
    Input(greeting): Input<Greeting>,
) -> Result<(StatusCode, Json<Greeted>), Error> {
    let name = greeting.name.trim();
    if !(1..=LONGEST).contains(&name.chars().count()) {
        return Err(Error::invalid(
            "name",
            format!("must have 1 to {LONGEST} characters"),
        ));
    }
    let message = format!("Hello, {name}!");
    Ok((StatusCode::CREATED, Json(Greeted { message })))
}
