//! Makes the webhooks that are configured.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use sluice_egress::System;
use sluice_factory::Webhook;
use sluice_webhooks::{Endpoint, Secrets, Settings, TIMEOUT};

use super::agents::extra_ca;
use crate::config::{Config, Secret, WebhookConfig};
use crate::exit::{Exit, chain};

/// The largest file with secrets that is read, in bytes.
const LARGEST: u64 = 4096;

/// The webhooks that are configured.
pub(crate) fn webhooks(config: &Config) -> Result<Vec<Webhook>, Exit> {
    let all = config.webhooks.iter();
    all.map(|one| webhook(one, config)).collect()
}

fn webhook(one: &WebhookConfig, config: &Config) -> Result<Webhook, Exit> {
    let fault = |what: String| Exit::usage(format!("webhook {}: {what}", one.name));
    let secrets = match (&one.secret, &one.secret_file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(file)) => read(file).map_err(|error| {
            let shown = file.display();
            fault(format!("secret_file {shown} cannot be read: {error}"))
        })?,
        (None, None) => return Err(fault("it has no secret".to_owned())),
    };
    let secrets = Secrets::parse(secrets.expose())
        .map_err(|error| fault(format!("its secret cannot be used: {error}")))?;
    let endpoint = Endpoint::new(Settings {
        url: one.url.expose().to_owned(),
        secrets,
        allow_private: one.allow_private,
        extra_ca: extra_ca(config)?,
        resolver: Arc::new(System),
        timeout: TIMEOUT,
    })
    .map_err(|error| fault(chain(&error)))?;
    Ok(Webhook {
        id: one.name.clone(),
        endpoint,
        events: one.events.clone(),
        projects: one.projects.clone(),
    })
}

fn read(file: &Path) -> io::Result<Secret> {
    let mut text = String::new();
    File::open(file)?
        .take(LARGEST + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other(format!(
            "it has more than {LARGEST} bytes"
        )));
    }
    Ok(Secret::new(text))
}
