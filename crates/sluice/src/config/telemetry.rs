//! Where traces are sent.

use super::Secret;
use super::values::Values;
use crate::exit::Exit;

/// Where traces are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TelemetryConfig {
    /// The collector; traces go to `v1/traces` below it.
    pub(crate) endpoint: String,
    /// Headers that are sent along; values may be keys.
    pub(crate) headers: Vec<(String, Secret)>,
    /// What the daemon is called.
    pub(crate) service: String,
}

/// Reads the table; `None` when nothing is sent.
pub(super) fn read(values: &Values) -> Result<Option<TelemetryConfig>, Exit> {
    const ENDPOINT: &str = "telemetry.otlp_endpoint";
    const HEADERS: &str = "telemetry.otlp_headers";
    let Some(endpoint) = values.text(ENDPOINT) else {
        return Ok(None);
    };
    let is_url = reqwest::Url::parse(&endpoint)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_url {
        let what = format!("is a URL, as in http://127.0.0.1:4318, not {endpoint:?}");
        return Err(values.wrong(ENDPOINT, &what));
    }
    let given = values.text(HEADERS).unwrap_or_default();
    let headers = given
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty());
    let headers = headers.map(|one| {
        let (name, value) = one.split_once('=')?;
        let name = name.trim();
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        is_name.then(|| (name.to_owned(), Secret::new(value.trim())))
    });
    let headers = headers
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| values.wrong(HEADERS, "takes NAME=VALUE, more of them after commas"))?;
    Ok(Some(TelemetryConfig {
        endpoint,
        headers,
        service: values
            .text("telemetry.service_name")
            .unwrap_or_else(|| "sluice".to_owned()),
    }))
}
