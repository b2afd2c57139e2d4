//! One call of an agent.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "calls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub run: String,
    pub n: i32,
    pub ask: i32,
    pub gate: String,
    pub role: String,
    pub agent: String,
    pub model: Option<String>,
    pub served: Option<String>,
    pub outcome: String,
    pub fault: Option<String>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cached_tokens: Option<i64>,
    pub cost_nanos: Option<i64>,
    pub currency: Option<String>,
    pub tries: i32,
    pub millis: i64,
    pub at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
