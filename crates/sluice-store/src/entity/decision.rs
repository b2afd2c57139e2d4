//! What somebody decided about a run.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "decisions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub project: String,
    pub gate: String,
    pub run: String,
    pub step: i64,
    pub attempt: Option<i32>,
    pub kind: String,
    pub actor_name: String,
    pub actor_kind: String,
    pub actor_role: String,
    pub actor_token: Option<String>,
    pub comment: Option<String>,
    pub subject_digest: Option<String>,
    pub fields: String,
    pub once: Option<String>,
    pub at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
