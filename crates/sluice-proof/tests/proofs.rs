//! Proofs from the outside: a whole project of them in a real git repository, checked by us and by others.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop where it is"
)]

#[path = "proofs/documented.rs"]
mod documented;
#[path = "proofs/foreign.rs"]
mod foreign;
#[path = "proofs/intoto.rs"]
mod intoto;
#[path = "proofs/tamper.rs"]
mod tamper;
#[path = "proofs/world.rs"]
mod world;
