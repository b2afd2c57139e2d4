//! Passages through gates: real store, real git, recorded agents; gates that demand documents only.

mod decisions;
mod edits;
mod heal;
mod world;
