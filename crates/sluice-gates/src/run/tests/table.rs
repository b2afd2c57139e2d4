//! Every reachable phase with every event; what is accepted stands in a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use super::events;
use crate::{
    Answer, Attempt, Decision, Effect, Event, Gate, Phase, Rejected, Rule, Run, Signature, Stage,
    Step, Strategy, Verdict, Work,
};

/// Few enough to stay readable, enough to see each counter between its ends.
const RULE: Rule = Rule {
    heal_attempts: 2,
    approvals: 2,
};

/// What distinguishes two runs, without how often they went round: only whether the attempt is the first matters.
type Shape = (Phase, u8, Strategy, Option<Signature>, bool);

fn shape(run: &Run) -> Shape {
    let short = |attempt: Attempt| Attempt(attempt.0.min(1));
    let phase = match run.phase() {
        Phase::Healing { attempt, asks } => Phase::Healing {
            attempt: short(attempt),
            asks,
        },
        Phase::Held { attempt, stage } => Phase::Held {
            attempt: short(attempt),
            stage,
        },
        Phase::Checking { attempt, allowed } => Phase::Checking {
            attempt: short(attempt),
            allowed,
        },
        Phase::Escalated { attempt } => Phase::Escalated {
            attempt: short(attempt),
        },
        Phase::AwaitingApproval { attempt, granted } => Phase::AwaitingApproval {
            attempt: short(attempt),
            granted,
        },
        phase @ (Phase::Working { .. } | Phase::Sealing { .. } | Phase::Closed { .. }) => phase,
    };
    (
        phase,
        run.heals_left(),
        run.strategy(),
        run.last_failure().cloned(),
        run.is_waived(),
    )
}

/// One run of every shape that can be reached.
fn reachable() -> Vec<Run> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut open = VecDeque::from([Run::start(Gate::G5, RULE), Run::skip(Gate::G4, RULE)]);
    while let Some(run) = open.pop_front() {
        if !seen.insert(shape(&run)) {
            continue;
        }
        for event in events() {
            open.extend(run.apply(run.step(), event));
        }
        found.push(run);
    }
    found
}

/// The phase as a reader sees it; `base` is the attempt that counts as `n`.
fn say(phase: Phase, base: Option<Attempt>) -> String {
    let number = |attempt: Attempt| match base {
        Some(base) if base == attempt => "n".to_owned(),
        Some(base) if base.0 + 1 == attempt.0 => "n+1".to_owned(),
        _ => panic!("attempt {} after {base:?}", attempt.0),
    };
    match phase {
        Phase::Working { asks } => format!("working, asked again {asks}x"),
        Phase::Healing { attempt, asks } => {
            format!("healing {}, asked again {asks}x", number(attempt))
        }
        Phase::Held { attempt, stage } => {
            let when = match stage {
                Stage::BeforeChecks => "before checks",
                Stage::AfterChecks => "after checks",
            };
            format!("held {} {when}", number(attempt))
        }
        Phase::Checking { attempt, allowed } => {
            let note = if allowed { ", allowed" } else { "" };
            format!("checking {}{note}", number(attempt))
        }
        Phase::Escalated { attempt } => format!("escalated {}", number(attempt)),
        Phase::AwaitingApproval { attempt, granted } => {
            format!("awaiting approval {}, {granted} granted", number(attempt))
        }
        Phase::Sealing { decision } => format!("sealing {}", decision.as_str()),
        Phase::Closed { decision } => format!("closed {}", decision.as_str()),
    }
}

fn say_event(event: &Event, before: Option<&Signature>) -> String {
    let way = |signature: &Signature| {
        if before == Some(signature) {
            "as before"
        } else {
            "in a new way"
        }
    };
    match event {
        Event::Replied(Work::Nothing) => "reply: nothing".to_owned(),
        Event::Replied(Work::Refused(signature)) => format!("reply: refused {}", way(signature)),
        Event::Replied(Work::Unchanged) => "reply: unchanged".to_owned(),
        Event::Replied(Work::Committed { pins_moved: false }) => "reply: committed".to_owned(),
        Event::Replied(Work::Committed { pins_moved: true }) => {
            "reply: committed, pins moved".to_owned()
        }
        Event::Checked(Verdict::Pass { fewer_tests: false }) => "checks: pass".to_owned(),
        Event::Checked(Verdict::Pass { fewer_tests: true }) => {
            "checks: pass, fewer tests".to_owned()
        }
        Event::Checked(Verdict::Fail(signature)) => format!("checks: fail {}", way(signature)),
        Event::Ruled(true) => "person: allow".to_owned(),
        Event::Ruled(false) => "person: do not allow".to_owned(),
        Event::Approved => "person: approve".to_owned(),
        Event::Rejected(Gate::G5) => "person: reject".to_owned(),
        Event::Rejected(to) if *to < Gate::G5 => "person: send back".to_owned(),
        Event::Rejected(_) => "person: send forward".to_owned(),
        Event::Answered(Answer::Retry) => "answer: retry".to_owned(),
        Event::Answered(Answer::Waive) => "answer: waive".to_owned(),
        Event::Answered(Answer::Abort) => "answer: abort".to_owned(),
        Event::Cancelled => "person: cancel".to_owned(),
        Event::Sealed => "sealed".to_owned(),
    }
}

#[test]
fn the_accepted_transitions() {
    let mut table: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for run in reachable() {
        // Once the widest way of asking is reached it stays; everything else is as in the other runs.
        if run.strategy() == Strategy::WiderContext {
            continue;
        }
        let base = run.attempt();
        let heals = match (run.phase(), run.heals_left()) {
            (
                Phase::Escalated { .. }
                | Phase::AwaitingApproval { .. }
                | Phase::Sealing { .. }
                | Phase::Closed { .. },
                _,
            ) => "",
            (_, 0) => ", no heal left",
            _ => ", heals left",
        };
        for event in events() {
            let Ok(next) = run.apply(run.step(), event.clone()) else {
                continue;
            };
            let mut then = say(next.phase(), base);
            if next.heals_left() < run.heals_left() {
                then += "; one heal spent";
            }
            if matches!(event, Event::Answered(Answer::Retry)) {
                assert_eq!(next.heals_left(), RULE.heal_attempts);
                assert_eq!(
                    (next.strategy(), next.last_failure()),
                    (Strategy::Normal, None)
                );
                then += "; a new set of heals, asked normally";
            } else if next.strategy() != run.strategy() {
                then += "; asked in another way";
            }
            if next.is_waived() != run.is_waived() {
                then += "; waived";
            }
            let from = format!("{}{heals}", say(run.phase(), base));
            let what = say_event(&event, run.last_failure());
            table.entry((from, what)).or_default().insert(then);
        }
    }
    let mut text = String::new();
    let mut last = String::new();
    for ((from, what), then) in table {
        if from != last {
            text += &format!("\n{from}\n");
            last = from;
        }
        // One line has one outcome: nothing hidden decides.
        let [then] = &Vec::from_iter(then)[..] else {
            panic!("{last} / {what} is not one transition");
        };
        text += &format!("    {what:<32} -> {then}\n");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn all_else_is_refused_as_a_misfit() {
    let runs = reachable();
    let mut accepted = 0;
    let mut refused = 0;
    for run in &runs {
        for event in events() {
            match run.apply(run.step(), event) {
                Ok(_) => accepted += 1,
                Err(rejected) => {
                    assert_eq!(rejected, Rejected::Misfit(run.state()));
                    refused += 1;
                }
            }
        }
    }
    // A change of these numbers is a change of the machine's size.
    insta::assert_snapshot!(
        format!("{} shapes: {accepted} transitions, {refused} misfits", runs.len()),
        @"293 shapes: 798 transitions, 5355 misfits"
    );
}

#[test]
fn a_rejection_says_where_the_work_goes() {
    let waiting = reachable()
        .into_iter()
        .find(|run| run.state() == "awaiting_approval")
        .unwrap();
    let take = |to| waiting.apply(waiting.step(), Event::Rejected(to));
    assert_eq!(take(Gate::G5).unwrap().sent_back(), None);
    let back = take(Gate::G2).unwrap();
    assert_eq!(back.sent_back(), Some(Gate::G2));
    let text = serde_json::to_string(&back).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), back);
    assert_eq!(
        take(Gate::G6).unwrap_err(),
        Rejected::Misfit("awaiting_approval")
    );
}

#[test]
fn what_is_there_is_checked_without_asking() {
    let run = Run::revalidate(Gate::G5, RULE);
    assert_eq!(
        run.effect(),
        Some(Effect::Check {
            attempt: Attempt(0)
        })
    );
    let pass = Event::Checked(Verdict::Pass { fewer_tests: false });
    let passed = run.apply(run.step(), pass).unwrap();
    assert_eq!(passed.state(), "awaiting_approval");
    let fail = Event::Checked(Verdict::Fail(Signature("a".to_owned())));
    let failed = run.apply(run.step(), fail).unwrap();
    assert_eq!(failed.attempt(), Some(Attempt(1)), "the agent mends it");
}

#[test]
fn a_late_answer_is_refused_from_every_phase() {
    for run in reachable() {
        for event in events() {
            for late in [run.step().0.wrapping_sub(1), run.step().0 + 1, u64::MAX] {
                let at = Step(late);
                let now = run.step();
                let rejected = run.apply(at, event.clone()).unwrap_err();
                assert_eq!(rejected, Rejected::Stale { at, now });
            }
        }
    }
}

#[test]
fn from_everywhere_there_is_a_way_to_the_end() {
    for run in reachable() {
        let mut seen = HashSet::new();
        let mut open = VecDeque::from([run.clone()]);
        let mut ends = false;
        while let Some(run) = open.pop_front() {
            ends |= run.is_closed();
            if seen.insert(shape(&run)) {
                let nexts = events()
                    .into_iter()
                    .flat_map(|event| run.apply(run.step(), event));
                open.extend(nexts);
            }
        }
        assert!(ends, "{run:?} can never end");
    }
}

#[test]
fn every_end_can_be_reached_and_is_final() {
    let closed: HashSet<Decision> = reachable()
        .into_iter()
        .filter_map(|run| match run.phase() {
            Phase::Closed { decision } => {
                assert_eq!(run.effect(), None);
                for event in events() {
                    assert!(run.apply(run.step(), event).is_err());
                }
                Some(decision)
            }
            _ => None,
        })
        .collect();
    assert_eq!(closed.len(), 4, "{closed:?}");
}
