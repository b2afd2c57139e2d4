//! SLSA provenance v1: which reply, on which base, by which agent, became the subject.

use super::form::{PROVENANCE, ResourceDescriptor, Statement};
use crate::subject::Subject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const BUILD_TYPE: &str = "urn:sluice:build-type/agent-reply/v1";

/// What is known of how the subject came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The gate that asked.
    pub gate: String,
    /// SHA-256 (hex) of the reply's Markdown; none for a person's own edit.
    pub reply_sha256: Option<String>,
    /// The agent's name; none for a person's own edit.
    pub agent: Option<String>,
    /// The model that wrote the reply, as the agent named it; none where none is known.
    pub model: Option<String>,
    /// Inputs: base commit, image by digest, lockfile, ….
    pub dependencies: Vec<ResourceDescriptor>,
    /// Who built: a URI such as `urn:sluice:daemon/<keyid>`.
    pub builder_id: String,
    /// Sluice's version.
    pub version: String,
    /// The run and attempt, as `<run>/<n>`.
    pub invocation_id: String,
    /// When the agent was asked (RFC 3339).
    pub started_on: String,
    /// When the subject's commit existed (RFC 3339).
    pub finished_on: String,
}

/// The predicate as it lies in the statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlsaProvenance {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: Map<String, Value>,
    resolved_dependencies: Vec<ResourceDescriptor>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunDetails {
    builder: Builder,
    metadata: Metadata,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Builder {
    id: String,
    version: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    invocation_id: String,
    started_on: String,
    finished_on: String,
}

impl SlsaProvenance {
    /// The agent that the subject is by, if it was one.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        self.build_definition
            .external_parameters
            .get("agent")
            .and_then(Value::as_str)
    }
}

/// States how the subject came about. What is not known is left out, so that statements from before there was a
/// model to name keep their bytes.
#[must_use]
pub fn provenance(subject: &Subject, input: Provenance) -> Statement<SlsaProvenance> {
    let mut external_parameters = Map::new();
    external_parameters.insert("gate".into(), input.gate.into());
    for (name, value) in [
        ("replyDigest", input.reply_sha256),
        ("agent", input.agent),
        ("model", input.model),
    ] {
        let Some(value) = value else { continue };
        let value = if name == "replyDigest" {
            serde_json::json!({ "sha256": value })
        } else {
            value.into()
        };
        external_parameters.insert(name.into(), value);
    }
    let mut version = Map::new();
    version.insert("sluice".into(), input.version.into());
    let predicate = SlsaProvenance {
        build_definition: BuildDefinition {
            build_type: BUILD_TYPE.to_owned(),
            external_parameters,
            resolved_dependencies: input.dependencies,
        },
        run_details: RunDetails {
            builder: Builder {
                id: input.builder_id,
                version,
            },
            metadata: Metadata {
                invocation_id: input.invocation_id,
                started_on: input.started_on,
                finished_on: input.finished_on,
            },
        },
    };
    Statement::new(subject, PROVENANCE, predicate)
}
