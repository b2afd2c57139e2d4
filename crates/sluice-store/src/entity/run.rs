//! One passage through a gate.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project: String,
    pub gate: String,
    pub ordinal: i32,
    pub open_in: Option<String>,
    pub step: i64,
    pub state: String,
    pub machine: String,
    pub base_commit: String,
    pub base_tree: String,
    pub subject_commit: Option<String>,
    pub subject_tree: Option<String>,
    pub subject_digest: Option<String>,
    pub agent: Option<String>,
    pub pins: String,
    pub gate_file: String,
    pub opened_by: String,
    pub due_at: Option<i64>,
    pub fault: Option<String>,
    pub fault_count: i32,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
