//! What a token says, held against what it must say. Pure: the time is given.

use serde_json::{Map, Value};
use sluice_factory::Role;

use super::OidcOptions;
use super::token::Doubt;

/// The longest subject, in bytes (OpenID Connect Core, section 2).
const LONGEST_SUBJECT: usize = 255;
/// The most words of a list that are looked at.
const MOST_WORDS: usize = 1000;
/// Where a name usually stands.
const NAMES: [&str; 3] = ["name", "preferred_username", "email"];
/// Stands for all projects.
const ALL: &str = "*";

/// Who it is, and what they may do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) subject: String,
    pub(super) shown: String,
    /// `None` when nothing in the token gives one.
    pub(super) role: Option<Role>,
    pub(super) projects: Option<Vec<String>>,
}

/// Judges the claims of a token whose signature is good, at `now`, in seconds since the Unix epoch.
pub(super) fn judge(
    claims: &Map<String, Value>,
    options: &OidcOptions,
    now: i64,
) -> Result<Rights, Doubt> {
    if claims.get("iss").and_then(Value::as_str) != Some(options.issuer.as_str()) {
        return Err(Doubt::Issuer);
    }
    let audience = options.audience.as_str();
    let is_for_us = match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    };
    if !is_for_us {
        return Err(Doubt::Audience);
    }
    let leeway = i64::try_from(options.leeway.as_secs()).unwrap_or(i64::MAX);
    let ends = time(claims, "exp")?.ok_or(Doubt::Claim("exp"))?;
    if now >= ends.saturating_add(leeway) {
        return Err(Doubt::Expired);
    }
    for name in ["nbf", "iat"] {
        if let Some(begins) = time(claims, name)?
            && now.saturating_add(leeway) < begins
        {
            return Err(Doubt::NotYet);
        }
    }
    let subject = claims.get("sub").and_then(Value::as_str);
    let is_good = |subject: &&str| {
        (1..=LONGEST_SUBJECT).contains(&subject.len()) && !subject.contains(char::is_control)
    };
    let subject = subject.filter(is_good).ok_or(Doubt::Claim("sub"))?;
    let names: Vec<&str> = match &options.name_claim {
        Some(name) => vec![name],
        None => NAMES.to_vec(),
    };
    let shown = names
        .into_iter()
        .filter_map(|name| claim(claims, name)?.as_str())
        .find(|name| !name.trim().is_empty());
    let projects = match &options.projects_claim {
        None => None,
        // A claim that is missing opens nothing.
        Some(name) => {
            let projects = words(claim(claims, name));
            (!projects.iter().any(|one| one == ALL)).then_some(projects)
        }
    };
    let given = words(claim(claims, &options.role_claim));
    let roles = options
        .roles
        .iter()
        .filter(|(_, wanted)| wanted.iter().any(|word| given.contains(word)));
    let mut role = roles.map(|(role, _)| *role).max();
    if projects.is_some() {
        // As with our own tokens: an admin is the whole daemon's.
        role = role.map(|role| role.min(Role::Approver));
    }
    Ok(Rights {
        subject: subject.to_owned(),
        shown: shown.unwrap_or(subject).to_owned(),
        role,
        projects,
    })
}

/// A time in seconds; `None` when it is not there.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, Doubt> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let whole = value.as_i64();
    let time = whole.or_else(|| {
        let number = value.as_f64().filter(|number| number.abs() < 1e15)?;
        Some(number.floor() as i64)
    });
    time.map(Some).ok_or(Doubt::Claim(name))
}

/// A claim by its name, or by a path with dots into nested ones. A name may have dots itself, as URLs have.
fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let mut parts = path.split('.');
    let mut value = claims.get(parts.next()?)?;
    for part in parts {
        value = value.as_object()?.get(part)?;
    }
    Some(value)
}

/// The words of a claim: a list of texts, or one text with words between spaces, as `scope` is.
fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => {
            let all = std::iter::once(text.as_str()).chain(text.split_ascii_whitespace());
            all.take(MOST_WORDS).map(str::to_owned).collect()
        }
        Some(Value::Array(many)) => {
            let texts = many.iter().take(MOST_WORDS).filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
