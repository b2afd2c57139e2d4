//! The values that were read, by key, each with where it comes from.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use super::key::{self, Kind};
use super::{Secret, Setting};
use crate::exit::Exit;

/// A value in the form that its key takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Text, word, secret.
    Text(String),
    /// A path.
    Path(PathBuf),
    /// A whole number.
    Number(i64),
    /// A number that may have a fraction.
    Decimal(f64),
    /// True or false.
    Switch(bool),
    /// A list.
    List(Vec<String>),
}

/// All values.
#[derive(Default)]
pub(super) struct Values(BTreeMap<String, (Value, String)>);

impl Values {
    /// Sets a key; a later origin outranks an earlier one.
    pub(super) fn set(&mut self, key: String, value: Value, origin: String) {
        self.0.insert(key, (value, origin));
    }

    /// Takes a key away again, and says whether it was there.
    pub(super) fn unset(&mut self, key: &str) -> bool {
        self.0.remove(key).is_some()
    }

    /// The names below a table whose entries the user names, `agents` or `webhooks`.
    pub(super) fn names(&self, table: &str) -> Vec<String> {
        let below = |key: &'_ String| {
            let rest = key.strip_prefix(table)?.strip_prefix('.')?;
            rest.split('.').next().map(str::to_owned)
        };
        let names = self.0.keys().filter_map(below);
        let mut names: Vec<String> = names.collect();
        names.dedup();
        names
    }

    /// The first key below a table that is set.
    pub(super) fn first_below(&self, table: &str) -> Option<&str> {
        let below = |key: &&String| {
            let rest = key.strip_prefix(table);
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        self.0.keys().find(below).map(String::as_str)
    }

    pub(super) fn origin(&self, key: &str) -> &str {
        self.0.get(key).map_or("", |(_, origin)| origin)
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key) {
            Some((Value::Text(text), _)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn secret(&self, key: &str) -> Option<Secret> {
        self.text(key).map(Secret::new)
    }

    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        match self.0.get(key) {
            Some((Value::Path(path), _)) => Some(path.clone()),
            _ => None,
        }
    }

    /// Whether a switch is on.
    pub(super) fn switch(&self, key: &str, default: bool) -> bool {
        match self.0.get(key) {
            Some((Value::Switch(is_on), _)) => *is_on,
            _ => default,
        }
    }

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        match self.0.get(key) {
            Some((Value::List(list), _)) => list.clone(),
            _ => Vec::new(),
        }
    }

    /// A text that must be something more.
    pub(super) fn parsed<T: FromStr>(
        &self,
        key: &str,
        default: &str,
        wanted: &str,
    ) -> Result<T, Exit> {
        let text = self.text(key).unwrap_or_else(|| default.to_owned());
        text.parse()
            .map_err(|_| self.wrong(key, &format!("takes {wanted}, not {text:?}")))
    }

    /// A number within bounds.
    pub(super) fn number<T>(
        &self,
        key: &str,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> Result<T, Exit>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let Some((Value::Number(number), _)) = self.0.get(key) else {
            return Ok(default);
        };
        match T::try_from(*number) {
            Ok(value) if bounds.contains(&value) => Ok(value),
            _ => {
                let (least, most) = (bounds.start(), bounds.end());
                Err(self.wrong(
                    key,
                    &format!("takes a number from {least} to {most}, not {number}"),
                ))
            }
        }
    }

    /// A number that may have a fraction, within bounds.
    pub(super) fn decimal(
        &self,
        key: &str,
        bounds: RangeInclusive<f64>,
    ) -> Result<Option<f64>, Exit> {
        let Some((Value::Decimal(number), _)) = self.0.get(key) else {
            return Ok(None);
        };
        if bounds.contains(number) {
            return Ok(Some(*number));
        }
        let (least, most) = (bounds.start(), bounds.end());
        Err(self.wrong(
            key,
            &format!("takes a number from {least} to {most}, not {number}"),
        ))
    }

    /// An error about the value of a key.
    pub(super) fn wrong(&self, key: &str, what: &str) -> Exit {
        Exit::usage(format!("{}: {key} {what}", self.origin(key)))
    }

    /// Every value as one text, secrets too: for what tells whether it changed, never to be shown.
    pub(super) fn exact(&self) -> BTreeMap<String, Secret> {
        let exact = self.0.iter().map(|(key, (value, _))| {
            let text = match value {
                Value::Text(text) => text.clone(),
                other => format!("{other:?}"),
            };
            (key.clone(), Secret::new(text))
        });
        exact.collect()
    }

    /// What is set, for a person.
    pub(super) fn shown(&self) -> Vec<Setting> {
        let shown = |key: &str, value: &Value| match (key::kind(key), value) {
            (Some(Kind::Secret), _) => "(set)".to_owned(),
            (_, Value::Text(text)) => text.clone(),
            (_, Value::Path(path)) => path.display().to_string(),
            (_, Value::Number(number)) => number.to_string(),
            (_, Value::Decimal(number)) => number.to_string(),
            (_, Value::Switch(is_on)) => is_on.to_string(),
            (_, Value::List(list)) => format!("{list:?}"),
        };
        self.0
            .iter()
            .map(|(key, (value, origin))| Setting {
                key: key.clone(),
                value: shown(key, value),
                origin: origin.clone(),
            })
            .collect()
    }
}
