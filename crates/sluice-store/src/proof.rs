//! Proofs: where the signed envelopes stand in git.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set, sea_query::OnConflict};
use sluice_gates::Gate;

use crate::entity::{proof, run};
use crate::error::StoreError;
use crate::id::RunId;
use crate::row::Row;
use crate::store::{Store, Txn, micros};

/// A proof to be stored with a change of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProof {
    /// SHA-256 of the envelope, in hex.
    pub digest: String,
    /// What it says, as the predicate's type.
    pub predicate_type: String,
    /// The commit of the gate's chain that holds it, as a git object id.
    pub gate_commit: String,
    /// Its path in that commit's tree.
    pub path: String,
}

/// Where a signed proof stands in git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRecord {
    /// SHA-256 of the envelope, in hex.
    pub digest: String,
    /// The project.
    pub project: String,
    /// The gate.
    pub gate: Gate,
    /// The run.
    pub run: RunId,
    /// What it says, as the predicate's type.
    pub predicate_type: String,
    /// The commit of the gate's chain that holds it, as a git object id.
    pub gate_commit: String,
    /// Its path in that commit's tree.
    pub path: String,
    /// When it was stored.
    pub at: Timestamp,
}

impl Store {
    /// The proofs of a gate, oldest first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn proof_list(
        &self,
        project: &str,
        gate: Gate,
    ) -> Result<Vec<ProofRecord>, StoreError> {
        let rows = proof::Entity::find()
            .filter(proof::Column::Project.eq(project))
            .filter(proof::Column::Gate.eq(gate.as_str()))
            .order_by_asc(proof::Column::At)
            .order_by_asc(proof::Column::Path)
            .all(self.reader())
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// The proof with this digest.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn proof_fetch(&self, digest: &str) -> Result<Option<ProofRecord>, StoreError> {
        let row = proof::Entity::find_by_id(digest).one(self.reader()).await?;
        row.map(record).transpose()
    }
}

/// Stores proofs; one that stands already is left as it is.
pub(crate) async fn insert(
    txn: &Txn<'_>,
    run: &run::Model,
    proofs: Vec<NewProof>,
    at: Timestamp,
) -> Result<(), StoreError> {
    for new in proofs {
        let row = proof::ActiveModel {
            digest: Set(new.digest),
            project: Set(run.project.clone()),
            gate: Set(run.gate.clone()),
            run: Set(run.id.clone()),
            predicate_type: Set(new.predicate_type),
            gate_commit: Set(new.gate_commit),
            path: Set(new.path),
            at: Set(micros(at)),
        };
        proof::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(txn.db())
            .await?;
    }
    Ok(())
}

fn record(row: proof::Model) -> Result<ProofRecord, StoreError> {
    let at = Row::new("proofs", &row.digest);
    Ok(ProofRecord {
        gate: at.parse("gate", &row.gate)?,
        run: at.parse("run", &row.run)?,
        at: at.time("at", row.at)?,
        digest: row.digest,
        project: row.project,
        predicate_type: row.predicate_type,
        gate_commit: row.gate_commit,
        path: row.path,
    })
}
