//! Says in one word where a walk stands, so that nothing has to be kept between two pages.

use std::fmt;
use std::str::FromStr;

use crate::Oid;

/// A cursor with more open commits would be too long for an address.
const MOST_OPEN: usize = 24;
/// Stands for the open commits that were left out.
const LEFT_OUT: &str = "x";

/// A commit's place in the order: its time, and its name where times are equal.
pub(super) type Key = (i64, Oid);

/// Where a page of a history ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryCursor {
    pub(super) start: Oid,
    /// Which path's history it is, shortened; `0` for that of all.
    path: String,
    pub(super) walked: u32,
    /// The least key that was walked, and the commits that are open.
    pub(super) place: Option<(Key, Vec<Oid>)>,
}

/// Text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that was given out")]
pub struct InvalidCursor;

impl HistoryCursor {
    pub(super) fn new(
        start: Oid,
        path: Option<&str>,
        walked: u32,
        least: Key,
        mut open: Vec<Oid>,
    ) -> Self {
        open.sort();
        Self {
            start,
            path: mark(path),
            walked,
            place: (open.len() <= MOST_OPEN).then_some((least, open)),
        }
    }

    pub(super) fn is_of(&self, path: Option<&str>) -> bool {
        self.path == mark(path)
    }
}

fn mark(path: Option<&str>) -> String {
    path.map_or("0".to_owned(), |path| {
        Oid::of_blob(path.as_bytes()).to_string()[..12].to_owned()
    })
}

impl fmt::Display for HistoryCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.start, self.path, self.walked)?;
        let Some(((time, oid), open)) = &self.place else {
            return write!(f, ".{LEFT_OUT}");
        };
        write!(f, ".{time}.{oid}")?;
        open.iter().try_for_each(|oid| write!(f, ".{oid}"))
    }
}

impl FromStr for HistoryCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let parts: Vec<&str> = text.splitn(MOST_OPEN + 7, '.').collect();
        let [start, path, walked, place @ ..] = parts.as_slice() else {
            return Err(InvalidCursor);
        };
        let oid = |text: &str| text.parse::<Oid>().map_err(|_| InvalidCursor);
        let place = match place {
            [LEFT_OUT] => None,
            [time, least, open @ ..] if !open.is_empty() && open.len() <= MOST_OPEN => {
                let time = time.parse().map_err(|_| InvalidCursor)?;
                let open = open
                    .iter()
                    .map(|text| oid(text))
                    .collect::<Result<_, _>>()?;
                Some(((time, oid(least)?), open))
            }
            _ => return Err(InvalidCursor),
        };
        Ok(Self {
            start: oid(start)?,
            path: (*path).to_owned(),
            walked: walked.parse().map_err(|_| InvalidCursor)?,
            place,
        })
    }
}
