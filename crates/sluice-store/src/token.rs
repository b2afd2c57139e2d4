//! Tokens: shown once, kept as a hash.

use jiff::Timestamp;
use rand_core::{OsRng, RngCore};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use sha2::{Digest, Sha256};

use crate::entity::token;
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::TokenId;
use crate::page::{self, Page};
use crate::row::{Row, free, json};
use crate::store::{Store, micros};
use crate::word::{ActorKind, Role};

/// What every secret that we make starts with, so that scanners of leaked secrets can know it.
const PREFIX: &str = "sluice_";

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose it is; the name in decisions and proofs. Two tokens of one name are one person.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// A person, or a program.
    pub kind: ActorKind,
    /// The projects that it is for; `None` for all.
    pub projects: Option<Vec<String>>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// A person, or a program.
    pub kind: ActorKind,
    /// The projects that it is for; `None` for all.
    pub projects: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a secret is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFindOutcome {
    /// Its bearer is who it says.
    Valid(TokenRecord),
    /// It is past its time.
    Expired(TokenRecord),
    /// It was revoked.
    Revoked(TokenRecord),
    /// It never was one of ours.
    Unknown,
}

impl Store {
    /// Makes a token and returns its secret, which cannot be had again.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn token_create(
        &self,
        new: NewToken,
        events: &[NewEvent],
    ) -> Result<(TokenRecord, String), StoreError> {
        let mut random = [0; 32];
        OsRng.fill_bytes(&mut random);
        let secret = format!("{PREFIX}{}", hex::encode(random));
        let mut txn = self.begin().await?;
        let row = row(&new, &secret, false);
        token::Entity::insert(token::ActiveModel::from(row.clone()))
            .exec_without_returning(txn.db())
            .await?;
        append(&mut txn, events).await?;
        txn.commit().await?;
        Ok((record(row)?, secret))
    }

    /// Takes a secret that the configuration fixes. A repeat changes nothing; another secret under the same name
    /// revokes the one before it; one that was revoked is valid again, because the configuration says so. `events` are
    /// stored when anything changes.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn token_put_fixed(
        &self,
        secret: &str,
        new: NewToken,
        events: &[NewEvent],
    ) -> Result<TokenRecord, StoreError> {
        let hash = hash(secret);
        let mut txn = self.begin().await?;
        let before = token::Entity::find()
            .filter(token::Column::Hash.eq(hash.as_str()))
            .one(txn.db())
            .await?;
        token::Entity::update_many()
            .col_expr(token::Column::RevokedAt, Expr::value(micros(new.at)))
            .filter(token::Column::Fixed.eq(true))
            .filter(token::Column::Name.eq(free(&new.name)))
            .filter(token::Column::Hash.ne(hash.as_str()))
            .filter(token::Column::RevokedAt.is_null())
            .exec(txn.db())
            .await?;
        let columns = [
            token::Column::Name,
            token::Column::Role,
            token::Column::Kind,
            token::Column::Fixed,
            token::Column::Projects,
            token::Column::ExpiresAt,
            token::Column::RevokedAt,
        ];
        token::Entity::insert(token::ActiveModel::from(row(&new, secret, true)))
            .on_conflict(
                OnConflict::column(token::Column::Hash)
                    .update_columns(columns)
                    .to_owned(),
            )
            .exec_without_returning(txn.db())
            .await?;
        let stored = token::Entity::find()
            .filter(token::Column::Hash.eq(hash))
            .one(txn.db())
            .await?;
        if before != stored {
            append(&mut txn, events).await?;
        }
        txn.commit().await?;
        record(stored.expect("it was put in this transaction"))
    }

    /// What a secret is worth at `now`. It is found by its hash, so how long this takes says nothing about it.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn token_find(
        &self,
        secret: &str,
        now: Timestamp,
    ) -> Result<TokenFindOutcome, StoreError> {
        let row = token::Entity::find()
            .filter(token::Column::Hash.eq(hash(secret)))
            .one(self.reader())
            .await?;
        let Some(row) = row else {
            return Ok(TokenFindOutcome::Unknown);
        };
        Ok(worth(record(row)?, now))
    }

    /// The tokens, oldest first, revoked ones too, from after the cursor.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn token_list(
        &self,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<TokenRecord>, StoreError> {
        let mut find = token::Entity::find()
            .order_by_asc(token::Column::Id)
            .limit(page::rows(limit));
        if let Some(after) = after {
            find = find.filter(token::Column::Id.gt(after));
        }
        let rows = find.all(self.reader()).await?;
        Page::of(rows, limit, |row| row.id.clone(), record)
    }

    /// Revokes a token; `None` when there is none of this id. A repeat keeps the first time.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn token_revoke(
        &self,
        id: TokenId,
        at: Timestamp,
        events: &[NewEvent],
    ) -> Result<Option<TokenRecord>, StoreError> {
        let mut txn = self.begin().await?;
        let revoked = token::Entity::update_many()
            .col_expr(token::Column::RevokedAt, Expr::value(micros(at)))
            .filter(token::Column::Id.eq(id.to_string()))
            .filter(token::Column::RevokedAt.is_null())
            .exec(txn.db())
            .await?;
        let row = token::Entity::find_by_id(id.to_string())
            .one(txn.db())
            .await?;
        if revoked.rows_affected > 0 {
            append(&mut txn, events).await?;
        }
        txn.commit().await?;
        row.map(record).transpose()
    }
}

/// What the bearer of a token may be taken for at `now`.
pub(crate) fn worth(token: TokenRecord, now: Timestamp) -> TokenFindOutcome {
    if token.revoked_at.is_some() {
        TokenFindOutcome::Revoked(token)
    } else if token.expires_at.is_some_and(|end| end <= now) {
        TokenFindOutcome::Expired(token)
    } else {
        TokenFindOutcome::Valid(token)
    }
}

pub(crate) fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

fn row(new: &NewToken, secret: &str, fixed: bool) -> token::Model {
    token::Model {
        id: TokenId::new().to_string(),
        name: free(&new.name),
        role: new.role.to_string(),
        kind: new.kind.to_string(),
        hash: hash(secret),
        fixed,
        created_at: micros(new.at),
        expires_at: new.expires_at.map(micros),
        revoked_at: None,
        projects: new.projects.as_ref().map(json),
    }
}

pub(crate) fn record(row: token::Model) -> Result<TokenRecord, StoreError> {
    let at = Row::new("tokens", &row.id);
    Ok(TokenRecord {
        id: at.parse("id", &row.id)?,
        role: at.parse("role", &row.role)?,
        kind: at.parse("kind", &row.kind)?,
        projects: at.maybe_json("projects", row.projects.as_deref())?,
        created_at: at.time("created_at", row.created_at)?,
        expires_at: at.maybe_time("expires_at", row.expires_at)?,
        revoked_at: at.maybe_time("revoked_at", row.revoked_at)?,
        name: row.name,
    })
}
