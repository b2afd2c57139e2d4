//! Reads what tools wrote, as hostile input: bounded, never followed through links, never trusted to turn
//! red into green.

mod advisories;
mod audit;
mod biome;
mod cargo;
mod code;
mod coverage;
mod eslint;
mod fetch;
mod go;
mod jest;
mod junit;
mod libtest;
mod managers;
mod mocha;
mod npm;
mod python;
mod smoke;
mod stack;
mod text;

use std::path::Path;

pub(crate) use advisories::advisories;
pub(crate) use audit::audit;
pub(crate) use biome::biome;
pub(crate) use cargo::cargo;
pub(crate) use code::code;
pub(crate) use coverage::coverage;
pub(crate) use eslint::eslint;
pub(crate) use fetch::fetch_errors;
pub(crate) use go::{go, go_test};
pub(crate) use jest::jest;
pub(crate) use junit::junit;
pub(crate) use libtest::libtest;
pub(crate) use managers::{manager_audit, manager_errors};
pub(crate) use mocha::mocha;
pub(crate) use npm::{InstallFault, install_errors};
pub(crate) use python::{python_build, python_lint, unittest};
pub(crate) use smoke::smoke;
pub(crate) use text::{errors, fallback};

use crate::tree::read_plain;
use crate::{Finding, Tests};

/// The largest report in bytes that is read.
const LARGEST_REPORT: u64 = 64 << 20;

/// What a test runner's report says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TestReport {
    pub(crate) tests: Tests,
    /// One for each failure; also those outside of a test.
    pub(crate) failures: Vec<Finding>,
}

/// The content of the report `name` in the folder `out`, or why there is none.
pub(crate) fn file(out: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = out.join(name);
    read_plain(&path, LARGEST_REPORT).ok_or_else(|| match std::fs::symlink_metadata(&path) {
        Ok(meta) if !meta.is_file() => "the report is not a plain file".to_owned(),
        Ok(meta) => format!(
            "the report has {} bytes, more than {LARGEST_REPORT} are not read",
            meta.len()
        ),
        Err(_) => "the tool wrote no report".to_owned(),
    })
}

/// A report in JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("the report cannot be read: {error}"))
}

/// A count of a report, as ours.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
