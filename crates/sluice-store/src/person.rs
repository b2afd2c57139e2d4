//! People whom an issuer vouches for: who they are is issuer and subject, and the name they act under is given once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, QuerySelect};

use crate::author::compared;
use crate::entity::{person, token};
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::row::free;
use crate::store::{Store, micros};

/// Somebody who comes for the first time, or again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// The issuer that vouches for them.
    pub issuer: String,
    /// Who they are there, for ever.
    pub subject: String,
    /// The names that they may act under, the best one first. The last one should be nobody else's.
    pub names: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// The name that somebody acts under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPerson {
    /// The name: that of no other person of an issuer, and of no token that was there before.
    pub name: String,
    /// Whether they came for the first time.
    pub is_new: bool,
}

impl Store {
    /// The name of who this is. Who comes for the first time gets the first of the names that is free, and keeps it
    /// whatever the issuer calls them later. `None` when no name is free. `events` of the name are stored with it.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn person_put(
        &self,
        new: NewPerson,
        events: impl Fn(&str) -> Vec<NewEvent> + Send,
    ) -> Result<Option<KnownPerson>, StoreError> {
        let key = (new.issuer.clone(), new.subject.clone());
        if let Some(row) = person::Entity::find_by_id(key.clone())
            .one(self.reader())
            .await?
        {
            return Ok(Some(known(row, false)));
        }
        let mut txn = self.begin().await?;
        let names: Vec<String> = token::Entity::find()
            .select_only()
            .column(token::Column::Name)
            .distinct()
            .into_tuple()
            .all(txn.db())
            .await?;
        let taken: BTreeSet<String> = names.iter().map(|name| compared(name)).collect();
        for name in &new.names {
            if taken.contains(&compared(name)) {
                continue;
            }
            let row = person::Model {
                issuer: new.issuer.clone(),
                subject: new.subject.clone(),
                name: free(name),
                compared: compared(name),
                at: micros(new.at),
            };
            // Another person has this name, or another request of this person was faster.
            let inserted = person::Entity::insert(person::ActiveModel::from(row))
                .on_conflict(OnConflict::new().do_nothing().to_owned())
                .exec_without_returning(txn.db())
                .await?;
            if inserted > 0 {
                append(&mut txn, &events(name)).await?;
                txn.commit().await?;
                return Ok(Some(KnownPerson {
                    name: name.clone(),
                    is_new: true,
                }));
            }
            if let Some(row) = person::Entity::find_by_id(key.clone())
                .one(txn.db())
                .await?
            {
                txn.roll_back().await?;
                return Ok(Some(known(row, false)));
            }
        }
        txn.roll_back().await?;
        Ok(None)
    }

    /// The names of all people whom an issuer vouched for.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn person_names(&self) -> Result<Vec<String>, StoreError> {
        let names = person::Entity::find()
            .select_only()
            .column(person::Column::Name)
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(names)
    }
}

fn known(row: person::Model, is_new: bool) -> KnownPerson {
    KnownPerson {
        name: row.name,
        is_new,
    }
}
