//! What is shown of the audit log, and what of the configuration stands in it.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use serde_json::json;
use sluice_proof::audit::AuditRow;
use sluice_proof::sha256_hex;
use sluice_store::{Actor, AuditFilter, NewEvent};

use crate::decide::machinery;
use crate::factory::{Factory, now};
use crate::gate_file::GateSet;
use crate::prompts::Prompts;
use crate::refusal::{Asked, Refusal};
use crate::roles::Roles;
use crate::view::{AuditView, Page};

/// The setting that remembers the configuration.
const CONFIG: &str = "config.keys";

impl Factory {
    /// The audit log, oldest row first.
    ///
    /// # Errors
    /// A cursor that was not given out.
    pub async fn audit_list(
        &self,
        filter: &AuditFilter,
        cursor: Option<&str>,
        limit: u64,
    ) -> Asked<Page<AuditView>> {
        let after = match cursor.map(str::parse) {
            None => 0,
            Some(Ok(after)) => after,
            Some(Err(_)) => {
                let message = "the cursor is not one that was given out";
                return Err(Refusal::invalid("cursor", message));
            }
        };
        let page = self
            .store
            .audit_list(filter, after, limit)
            .await
            .map_err(machinery)?;
        Ok(Page {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next,
        })
    }

    /// Takes other gate files and notes which they are.
    ///
    /// # Errors
    /// A fault of the store; the files are taken all the same.
    pub async fn gates_take(&self, gates: GateSet) -> anyhow::Result<()> {
        self.gates_replace(gates);
        self.gates_note().await
    }

    /// Takes other roles and notes which they are.
    ///
    /// # Errors
    /// A fault of the store; the roles are taken all the same.
    pub async fn roles_take(&self, roles: Roles) -> anyhow::Result<()> {
        self.roles_replace(roles);
        self.roles_note().await
    }

    /// Takes other prompts and notes that they are others.
    ///
    /// # Errors
    /// A fault of the store; the prompts are taken all the same.
    pub async fn prompts_take(&self, prompts: Prompts) -> anyhow::Result<()> {
        self.prompts_replace(prompts);
        self.prompts_note().await
    }

    /// Notes the prompts in force, where they are others than those that were in force last.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn prompts_note(&self) -> anyhow::Result<()> {
        let digest = {
            let prompts = self.prompts.read().unwrap_or_else(PoisonError::into_inner);
            sha256_hex(format!("{prompts:?}").as_bytes())
        };
        let digests = BTreeMap::from([("prompts".to_owned(), digest)]);
        self.note("config.prompts", "prompts.changed", digests)
            .await
    }

    /// Notes the gate files in force, where they are others than those that were in force last.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn gates_note(&self) -> anyhow::Result<()> {
        let gates = self.gates();
        let digests = sluice_gates::Gate::ALL.into_iter().map(|gate| {
            let digest = sha256_hex(gates.text(gate).as_bytes());
            (format!("gates/{gate}.toml"), digest)
        });
        self.note("config.gates", "gates.changed", digests.collect())
            .await
    }

    /// Notes the roles in force, where they are others than those that were in force last.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn roles_note(&self) -> anyhow::Result<()> {
        let digests = self.role_list().into_iter().map(|role| {
            let text = format!("{role:?}");
            (
                format!("agents/{}", role.head.role),
                sha256_hex(text.as_bytes()),
            )
        });
        self.note("config.roles", "roles.changed", digests.collect())
            .await
    }

    /// Notes which keys of the configuration have other values than at the last start; their values stand nowhere, only
    /// digests of them, which need the daemon's key.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn config_note(&self, values: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let digests = values.iter().map(|(key, value)| {
            let digest = self
                .signer
                .keyed_digest(format!("{key}\0{value}").as_bytes());
            (key.clone(), digest)
        });
        let digests: BTreeMap<String, String> = digests.collect();
        if digests.is_empty() && self.store.setting_get(CONFIG).await?.is_none() {
            return Ok(());
        }
        self.note(CONFIG, "config.changed", digests).await
    }

    async fn note(
        &self,
        key: &str,
        kind: &str,
        now_in_force: BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let before: Option<BTreeMap<String, String>> = self
            .store
            .setting_get(key)
            .await?
            .and_then(|text| serde_json::from_str(&text).ok());
        let changed: Vec<&String> = now_in_force
            .iter()
            .filter(|(name, value)| {
                before.as_ref().and_then(|before| before.get(*name)) != Some(*value)
            })
            .map(|(name, _)| name)
            .collect();
        let gone: Vec<&String> = before
            .iter()
            .flatten()
            .map(|(name, _)| name)
            .filter(|name| !now_in_force.contains_key(*name))
            .collect();
        let event = NewEvent {
            project: None,
            kind: kind.to_owned(),
            body: match key {
                CONFIG => json!({ "changed": changed, "gone": gone }),
                _ => json!({ "changed": changed, "gone": gone, "in_force": now_in_force }),
            },
            audit: Some(Actor::daemon()),
            at: now(),
        };
        let value = serde_json::to_string(&now_in_force)?;
        self.store.setting_put(key, &value, &[event]).await?;
        Ok(())
    }
}

fn view(row: AuditRow) -> AuditView {
    AuditView {
        seq: row.seq,
        at: row.at,
        project: row.project,
        who: crate::view::AuditWhoView {
            name: row.who.name,
            kind: row.who.kind,
            role: row.who.role,
            token: row.who.token,
        },
        kind: row.kind,
        body: row.body,
        previous: row.previous,
        hash: row.hash,
    }
}
