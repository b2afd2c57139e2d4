//! Reads the columns of a stored row into the types of a record.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// A row that is being read: it says where an unreadable value stands.
pub(crate) struct Row<'a> {
    table: &'static str,
    key: &'a str,
}

impl<'a> Row<'a> {
    pub(crate) fn new(table: &'static str, key: &'a str) -> Row<'a> {
        Row { table, key }
    }

    pub(crate) fn corrupt(&self, column: &'static str, found: impl Display) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            key: self.key.to_owned(),
            column,
            found: found.to_string(),
        }
    }

    pub(crate) fn parse<T>(&self, column: &'static str, text: &str) -> Result<T, StoreError>
    where
        T: FromStr,
        T::Err: Display,
    {
        text.parse().map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn maybe_parse<T>(
        &self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, StoreError>
    where
        T: FromStr,
        T::Err: Display,
    {
        text.map(|text| self.parse(column, text)).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn maybe_json<T: DeserializeOwned>(
        &self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, StoreError> {
        text.map(|text| self.json(column, text)).transpose()
    }

    pub(crate) fn number<T>(&self, column: &'static str, number: i64) -> Result<T, StoreError>
    where
        T: TryFrom<i64>,
        T::Error: Display,
    {
        T::try_from(number).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn time(&self, column: &'static str, at: i64) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(at).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn maybe_time(
        &self,
        column: &'static str,
        at: Option<i64>,
    ) -> Result<Option<Timestamp>, StoreError> {
        at.map(|at| self.time(column, at)).transpose()
    }
}

/// The stored form of a document of ours.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our documents have text keys and no failing serializer")
}

/// The stored form of free text. PostgreSQL's text cannot hold a NUL, so it becomes U+FFFD on both databases.
pub(crate) fn free(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
