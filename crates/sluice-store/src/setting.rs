//! Settings: values that the daemon chooses once, such as its own id.

use sea_orm::{EntityTrait, Set, sea_query::OnConflict};

use crate::entity::setting;
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::store::Store;

impl Store {
    /// The value of a key.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn setting_get(&self, key: &str) -> Result<Option<String>, StoreError> {
        let row = setting::Entity::find_by_id(key).one(self.reader()).await?;
        Ok(row.map(|row| row.value))
    }

    /// Sets a key; `events` are stored with it when the value is another one.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn setting_put(
        &self,
        key: &str,
        value: &str,
        events: &[NewEvent],
    ) -> Result<(), StoreError> {
        let mut txn = self.begin().await?;
        let before = setting::Entity::find_by_id(key).one(txn.db()).await?;
        if before.is_some_and(|row| row.value == value) {
            return txn.roll_back().await;
        }
        let row = setting::ActiveModel {
            key: Set(key.to_owned()),
            value: Set(value.to_owned()),
        };
        setting::Entity::insert(row)
            .on_conflict(
                OnConflict::column(setting::Column::Key)
                    .update_column(setting::Column::Value)
                    .to_owned(),
            )
            .exec_without_returning(txn.db())
            .await?;
        append(&mut txn, events).await?;
        txn.commit().await?;
        Ok(())
    }

    /// Sets a key that has no value yet, and returns the value that stands: the first one counts.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn setting_put_once(&self, key: &str, value: &str) -> Result<String, StoreError> {
        let txn = self.begin().await?;
        let row = setting::ActiveModel {
            key: Set(key.to_owned()),
            value: Set(value.to_owned()),
        };
        setting::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(txn.db())
            .await?;
        let row = setting::Entity::find_by_id(key).one(txn.db()).await?;
        txn.commit().await?;
        Ok(row.expect("a value stands, ours or another").value)
    }
}
