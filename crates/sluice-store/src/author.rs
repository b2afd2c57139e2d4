//! Who wrote what is decided on: asked in the statement that decides.

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Set,
    sea_query::{OnConflict, SelectStatement},
};

use crate::entity::author;
use crate::error::StoreError;
use crate::id::RunId;
use crate::row::free;
use crate::store::Txn;

/// Notes who wrote a run's subject; those of an earlier subject of the run stay.
pub(crate) async fn note(txn: &Txn<'_>, run: RunId, names: &[String]) -> Result<(), StoreError> {
    for name in names {
        let row = author::ActiveModel {
            run: Set(run.to_string()),
            name: Set(compared(name)),
        };
        author::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(txn.db())
            .await?;
    }
    Ok(())
}

/// The row that says that somebody is an author, if there is one.
pub(crate) fn of(run: RunId, name: &str) -> SelectStatement {
    author::Entity::find()
        .select_only()
        .column(author::Column::Name)
        .filter(author::Column::Run.eq(run.to_string()))
        .filter(author::Column::Name.eq(compared(name)))
        .into_query()
}

/// The form in which names are compared, here and by `sluice verify`.
pub(crate) fn compared(name: &str) -> String {
    free(name.trim()).to_lowercase()
}
