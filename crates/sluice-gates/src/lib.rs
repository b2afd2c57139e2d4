//! Decides: given a run and an event, what is the run now and what must be done. Pure.
