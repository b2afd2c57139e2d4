//! The machine: its whole table, what holds on any path, and how it is stored.

mod properties;
mod stored;
mod table;

use super::{Answer, Event, Signature, Verdict, Work};
use crate::Gate;

/// Every event, with two ways to fail.
fn events() -> Vec<Event> {
    let ways = ["a", "b"].map(|way| Signature(way.to_owned()));
    let mut events = vec![
        Event::Replied(Work::Nothing),
        Event::Replied(Work::Unchanged),
        Event::Replied(Work::Committed { pins_moved: false }),
        Event::Replied(Work::Committed { pins_moved: true }),
        Event::Checked(Verdict::Pass { fewer_tests: false }),
        Event::Checked(Verdict::Pass { fewer_tests: true }),
        Event::Ruled(true),
        Event::Ruled(false),
        Event::Approved,
        Event::Rejected(Gate::G5),
        Event::Rejected(Gate::G3),
        Event::Rejected(Gate::G6),
        Event::Answered(Answer::Retry),
        Event::Answered(Answer::Waive),
        Event::Answered(Answer::Abort),
        Event::Cancelled,
        Event::Sealed,
    ];
    for way in ways {
        events.push(Event::Replied(Work::Refused(way.clone())));
        events.push(Event::Checked(Verdict::Fail(way)));
    }
    events
}
