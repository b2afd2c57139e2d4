//! Decides: given a run and an event, what is the run now and what must be done.
//!
//! Pure: no I/O, no clock, no async, no randomness. The shell is `sluice-factory`.

mod gate;
mod run;

pub use gate::{Gate, NotAGate};
pub use run::{
    Answer, Attempt, Decision, Effect, Event, MAX_ASKS, Phase, Rejected, Rule, Run, Signature,
    Stage, Step, Strategy, Verdict, Work,
};
