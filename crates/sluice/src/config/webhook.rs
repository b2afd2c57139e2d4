//! What is configured about one webhook.

use std::path::PathBuf;

use sluice_factory::WEBHOOK_EVENTS;

use super::Secret;
use super::key::is_name;
use super::values::Values;
use crate::exit::Exit;

/// One webhook.
#[derive(Debug, Clone)]
pub(crate) struct WebhookConfig {
    /// Its name.
    pub(crate) name: String,
    /// Where it is; a secret, since the path of many is one.
    pub(crate) url: Secret,
    /// What messages are signed with.
    pub(crate) secret: Option<Secret>,
    /// The file that holds that.
    pub(crate) secret_file: Option<PathBuf>,
    /// The types of messages that it gets; empty for all.
    pub(crate) events: Vec<String>,
    /// The projects that it hears of; empty for all.
    pub(crate) projects: Vec<String>,
    /// Whether it may have a private address.
    pub(crate) allow_private: bool,
}

/// Reads all webhooks.
pub(super) fn webhooks(values: &Values) -> Result<Vec<WebhookConfig>, Exit> {
    let names = values.names("webhooks").into_iter();
    names.map(|name| webhook(values, name)).collect()
}

fn webhook(values: &Values, name: String) -> Result<WebhookConfig, Exit> {
    debug_assert!(is_name(&name), "keys with other names are unknown");
    let key = |last: &str| format!("webhooks.{name}.{last}");
    let Some(url) = values.secret(&key("url")) else {
        let missing = Exit::usage(format!("{} is missing", key("url")));
        return Err(missing.mend("say where it is, as in https://hooks.example/sluice"));
    };
    let (secret, secret_file) = (
        values.secret(&key("secret")),
        values.path(&key("secret_file")),
    );
    if secret.is_some() == secret_file.is_some() {
        let what = match secret {
            None => "is missing",
            Some(_) => "is set, and secret_file too; one of them is enough",
        };
        let exit = Exit::usage(format!("{} {what}", key("secret")));
        return Err(exit.mend(
            "set one of secret and secret_file; docs/webhooks.md says how a secret is made",
        ));
    }
    let events = values.list(&key("events"));
    if let Some(wrong) = events
        .iter()
        .find(|one| !WEBHOOK_EVENTS.contains(&one.as_str()))
    {
        return Err(values.wrong(
            &key("events"),
            &format!("takes {}, not {wrong:?}", WEBHOOK_EVENTS.join(", ")),
        ));
    }
    let projects = values.list(&key("projects"));
    if let Some(wrong) = projects
        .iter()
        .find(|one| sluice_path::ProjectName::parse(one).is_err())
    {
        return Err(values.wrong(
            &key("projects"),
            &format!("takes names of projects, and {wrong:?} is none"),
        ));
    }
    Ok(WebhookConfig {
        url,
        secret,
        secret_file,
        events,
        projects,
        allow_private: values.switch(&key("allow_private"), false),
        name,
    })
}
