//! One entry of the error history.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "findings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project: String,
    pub gate: String,
    pub run: String,
    pub attempt: i32,
    pub check_name: String,
    pub fingerprint: String,
    pub body: String,
    pub open_in: Option<String>,
    pub seen_at: i64,
    pub resolved_at: Option<i64>,
    pub resolved_by_run: Option<String>,
    pub resolved_by_attempt: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
