//! Browsers that are signed in: each with a secret of its own, worth what its token is worth.

use jiff::Timestamp;
use rand_core::{OsRng, RngCore};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::entity::{session, token};
use crate::error::StoreError;
use crate::id::TokenId;
use crate::store::{Store, micros};
use crate::token::{TokenFindOutcome, hash, record, worth};

impl Store {
    /// Signs a browser in with a token until `expires_at`, and returns the secret that it is to keep. Those that
    /// are over are forgotten.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn session_create(
        &self,
        token: TokenId,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String, StoreError> {
        let mut random = [0; 32];
        OsRng.fill_bytes(&mut random);
        let secret = hex::encode(random);
        let row = session::Model {
            hash: hash(&secret),
            token: token.to_string(),
            created_at: micros(at),
            expires_at: micros(expires_at),
        };
        let txn = self.begin().await?;
        session::Entity::delete_many()
            .filter(session::Column::ExpiresAt.lte(micros(at)))
            .exec(txn.db())
            .await?;
        session::Entity::insert(session::ActiveModel::from(row))
            .exec_without_returning(txn.db())
            .await?;
        txn.commit().await?;
        Ok(secret)
    }

    /// What a browser's secret is worth at `now`: as much as its token, until either ends. It is found by its
    /// hash, so how long this takes says nothing about it.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn session_find(
        &self,
        secret: &str,
        now: Timestamp,
    ) -> Result<TokenFindOutcome, StoreError> {
        let found = session::Entity::find_by_id(hash(secret))
            .filter(session::Column::ExpiresAt.gt(micros(now)))
            .one(self.reader())
            .await?;
        let Some(found) = found else {
            return Ok(TokenFindOutcome::Unknown);
        };
        let row = token::Entity::find_by_id(found.token)
            .one(self.reader())
            .await?;
        match row {
            Some(row) => Ok(worth(record(row)?, now)),
            None => Ok(TokenFindOutcome::Unknown),
        }
    }

    /// Signs a browser out. A repeat changes nothing.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn session_end(&self, secret: &str) -> Result<(), StoreError> {
        let txn = self.begin().await?;
        session::Entity::delete_by_id(hash(secret))
            .exec(txn.db())
            .await?;
        txn.commit().await?;
        Ok(())
    }
}
