//! Whether the OpenID Connect issuer answers.

use super::{Item, State};
use crate::config::Config;
use crate::wiring;

/// Asks the issuer that is configured, if there is one.
pub(super) async fn issuer(config: &Config) -> Option<Item> {
    let name = "issuer";
    let options = match wiring::issuer(config) {
        Ok(options) => options?,
        Err(exit) => return Some(Item::new(name, State::Missing, exit.message)),
    };
    Some(match options.look().await {
        Ok(count) => Item::new(
            name,
            State::Ok,
            format!("{} answers, with {count} keys", options.issuer),
        ),
        Err(fault) => Item::new(name, State::Missing, fault).fix(
            "set oidc.issuer to what the tokens have in `iss`; the daemon serves without it, and refuses its tokens",
        ),
    })
}
