//! One request of an attempt and its reply.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "asks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub ask: i32,
    #[serde(with = "crate::blob")]
    pub request: Vec<u8>,
    #[serde(with = "crate::blob::maybe")]
    pub reply: Option<Vec<u8>>,
    pub reply_digest: Option<String>,
    pub model: Option<String>,
    pub replied_by: Option<String>,
    pub asked_at: i64,
    pub replied_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
