//! An in-toto layout with one step per gate, and the links that satisfy it, for `in-toto-verify`.
//!
//! A step's materials are the tree that the gate before it passed, its products the tree that it
//! passed. The rules make each step's material match the product before it, so that a gate left
//! out or a tree put in between is refused by a tool that has never heard of us.

use crate::dsse::{Envelope, Verified, envelope};
use crate::error::ProofError;
use crate::key::{PublicKey, Signer};
use crate::statement::PAYLOAD_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};

/// When layouts expire unless told otherwise: proofs are read long after the work.
pub const FAR_EXPIRY: &str = "2999-12-31T23:59:59Z";

/// The one artifact that gates hand on: the project's tree.
const ARTIFACT: &str = "tree";
const ALGORITHM: &str = "gitTree";

/// The file name that in-toto looks for: `<gate>.<first eight of the key id>.link`.
#[must_use]
pub fn link_name(gate: &str, key: &PublicKey) -> String {
    format!("{gate}.{}.link", &key.keyid()[..8])
}

/// The signed link of one passed gate. `before` is the tree that the gate before it passed.
#[must_use]
pub fn link(gate: &str, before: Option<&str>, passed: &str, signer: &Signer) -> Envelope {
    let artifact = |tree: &str| json!({ ARTIFACT: { ALGORITHM: tree } });
    let link = json!({
        "_type": "link",
        "name": gate,
        "command": [],
        "materials": before.map_or_else(|| json!({}), artifact),
        "products": artifact(passed),
        "byproducts": {},
        "environment": {},
    });
    sign(&link, signer)
}

/// The signed layout for `gates` in order. Links may be signed by any of `keys`; `expires` is
/// `YYYY-MM-DDTHH:MM:SSZ`, such as [`FAR_EXPIRY`].
///
/// # Errors
/// `expires` is not of that form, which in-toto refuses.
pub fn layout(
    gates: &[&str],
    keys: &[PublicKey],
    expires: &str,
    signer: &Signer,
) -> Result<Envelope, ProofError> {
    if !is_expiry(expires) {
        let value = expires.to_owned();
        return Err(ProofError::Field {
            field: "expires",
            value,
            reason: "in-toto wants YYYY-MM-DDTHH:MM:SSZ",
        });
    }
    let key_ids: Vec<String> = keys.iter().map(PublicKey::keyid).collect();
    let key_dicts: serde_json::Map<String, Value> = keys
        .iter()
        .map(|key| {
            let dict = json!({
                "keyid": key.keyid(), "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": key.hex() },
            });
            (key.keyid(), dict)
        })
        .collect();
    let steps: Vec<Value> = gates
        .iter()
        .enumerate()
        .map(|(index, gate)| {
            let materials = match index.checked_sub(1) {
                None => json!([["DISALLOW", "*"]]),
                Some(before) => json!([
                    ["REQUIRE", ARTIFACT],
                    ["MATCH", ARTIFACT, "WITH", "PRODUCTS", "FROM", gates[before]],
                    ["DISALLOW", "*"],
                ]),
            };
            json!({
                "_type": "step",
                "name": gate,
                "expected_command": [],
                "expected_materials": materials,
                "expected_products": [["REQUIRE", ARTIFACT], ["ALLOW", ARTIFACT], ["DISALLOW", "*"]],
                "pubkeys": key_ids,
                "threshold": 1,
            })
        })
        .collect();
    let layout = json!({
        "_type": "layout",
        "steps": steps,
        "inspect": [],
        "keys": key_dicts,
        "expires": expires,
        "readme": "The gates of this project, in order. Written by Sluice; see docs/proofs.md.",
    });
    Ok(sign(&layout, signer))
}

fn sign(value: &Value, signer: &Signer) -> Envelope {
    envelope(PAYLOAD_TYPE, value.to_string().as_bytes(), signer)
}

fn is_expiry(text: &str) -> bool {
    let pattern = b"dddd-dd-ddTdd:dd:ddZ";
    text.len() == pattern.len()
        && text.bytes().zip(pattern).all(|(b, p)| {
            if *p == b'd' {
                b.is_ascii_digit()
            } else {
                b == *p
            }
        })
}

/// What a verified link says: gate, tree before, tree passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) gate: String,
    pub(crate) before: Option<String>,
    pub(crate) passed: Option<String>,
}

pub(crate) fn read_link(verified: &Verified) -> Result<Link, ProofError> {
    #[derive(Deserialize)]
    struct Raw {
        _type: String,
        name: String,
        materials: std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>,
        products: std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>,
    }
    let raw: Raw = serde_json::from_slice(&verified.payload)
        .map_err(|error| ProofError::malformed("link", error))?;
    if raw._type != "link" {
        return Err(ProofError::malformed(
            "link",
            format!("its type is {:?}", raw._type),
        ));
    }
    let tree = |artifacts: &std::collections::BTreeMap<
        String,
        std::collections::BTreeMap<String, String>,
    >| {
        artifacts
            .get(ARTIFACT)
            .and_then(|digests| digests.get(ALGORITHM))
            .cloned()
    };
    Ok(Link {
        before: tree(&raw.materials),
        passed: tree(&raw.products),
        gate: raw.name,
    })
}

/// The names of a verified layout's steps, in order.
pub(crate) fn read_steps(verified: &Verified) -> Result<Vec<String>, ProofError> {
    #[derive(Deserialize)]
    struct Raw {
        _type: String,
        steps: Vec<Step>,
    }
    #[derive(Deserialize)]
    struct Step {
        name: String,
    }
    let raw: Raw = serde_json::from_slice(&verified.payload)
        .map_err(|error| ProofError::malformed("layout", error))?;
    if raw._type != "layout" {
        return Err(ProofError::malformed(
            "layout",
            format!("its type is {:?}", raw._type),
        ));
    }
    Ok(raw.steps.into_iter().map(|step| step.name).collect())
}

#[cfg(test)]
mod tests;
