//! A page of a list.

/// A part of a list and where the next part starts.
///
/// Pages are found by key, not by offset: what is inserted meanwhile never repeats or hides an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

/// The most items on one page.
const MAX_LIMIT: u64 = 1000;

/// How many rows to ask for: one more than the page holds, which tells whether there is a next page.
pub(crate) fn rows(limit: u64) -> u64 {
    limit.clamp(1, MAX_LIMIT) + 1
}

impl<T> Page<T> {
    /// Makes a page of the rows found for [`rows`] of `limit`.
    pub(crate) fn of<R, E>(
        mut found: Vec<R>,
        limit: u64,
        key: impl Fn(&R) -> String,
        record: impl Fn(R) -> Result<T, E>,
    ) -> Result<Page<T>, E> {
        let mut next = None;
        if found.len() as u64 == rows(limit) {
            found.pop();
            next = found.last().map(key);
        }
        let items = found.into_iter().map(record).collect::<Result<_, E>>()?;
        Ok(Page { items, next })
    }
}
