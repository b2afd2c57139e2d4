//! What an answer with another status than 200 means.

use std::time::Duration;

use super::ModelAgent;
use super::transport::Came;
use super::trouble::Trouble;

/// The trouble that a status is. `said` is what the server wrote, safe to show.
pub(super) fn refused(
    agent: &ModelAgent,
    model: &str,
    came: &Came,
    said: &str,
    after: Option<Duration>,
) -> Trouble {
    let name = &agent.settings.name;
    let status = came.status;
    let url = agent.place.shown();
    let variable = name.to_uppercase().replace('-', "_");
    match status {
        // Not what the server says: some quote the key.
        401 | 403 => Trouble::Wrong(match agent.settings.api_key {
            Some(_) => format!(
                "{url} refuses the key in agents.{name}.api_key (HTTP {status}); put a valid one there, or into \
                 SLUICE__AGENTS__{variable}__API_KEY"
            ),
            None => format!(
                "{url} wants a key (HTTP {status}); set agents.{name}.api_key, or SLUICE__AGENTS__{variable}__API_KEY"
            ),
        }),
        404 => Trouble::Wrong(format!(
            "{url} has no model {model:?}, or is not the address (HTTP 404); look at agents.{name}.model and \
             agents.{name}.base_url. It said: {said}"
        )),
        300..=399 => Trouble::Wrong(format!(
            "{url} redirects{} (HTTP {status}), which is not followed with a key; give the final address in \
             agents.{name}.base_url",
            target(came)
        )),
        408 | 425 | 429 | 500..=599 => Trouble::Passing {
            what: format!("its server answered HTTP {status} and said: {said}"),
            after,
        },
        _ => Trouble::Wrong(format!(
            "{url} refuses the request (HTTP {status}). It said: {said}"
        )),
    }
}

/// Where a redirect leads, without what may hold a secret.
fn target(came: &Came) -> String {
    let location = came.headers.location.as_deref();
    let Some(mut url) = location.and_then(|location| url::Url::parse(location).ok()) else {
        return String::new();
    };
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let shown: String = url.to_string().chars().take(200).collect();
    format!(" to {shown}")
}
