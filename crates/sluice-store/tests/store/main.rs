//! The store on real databases: every story of the suite on SQLite and on PostgreSQL, then what is particular
//! to each.

#[cfg(test)]
mod postgres;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod world;
