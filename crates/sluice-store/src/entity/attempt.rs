//! One attempt of a run.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i32,
    pub agent: String,
    pub strategy: String,
    pub commit_oid: Option<String>,
    pub tree_oid: Option<String>,
    pub receipts: Option<String>,
    pub report: Option<String>,
    pub failure: Option<String>,
    pub note: Option<String>,
    pub held: String,
    pub created_at: i64,
    pub checked_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
