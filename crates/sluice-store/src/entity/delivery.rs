//! A message that is on its way to a webhook, or was.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub webhook: String,
    pub event: Option<i64>,
    pub kind: String,
    pub payload: String,
    pub state: String,
    pub tries: i32,
    pub due_at: Option<i64>,
    pub status: Option<i32>,
    pub error: Option<String>,
    pub created_at: i64,
    pub tried_at: Option<i64>,
    pub ended_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
