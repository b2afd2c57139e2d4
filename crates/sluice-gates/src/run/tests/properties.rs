//! What holds on any path, whatever happens in whatever order.

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::events;
use crate::{
    Answer, Attempt, Decision, Effect, Event, Gate, MAX_ASKS, Phase, Rule, Run, Signature, Step,
    Strategy, Verdict, Work,
};

/// One thing that happened to a run and was accepted.
struct Taken {
    before: Run,
    event: Event,
    after: Run,
}

/// The part of any sequence of events that a run accepts.
fn path(rule: Rule, picks: &[prop::sample::Index]) -> Vec<Taken> {
    let events = events();
    let mut run = Run::start(Gate::G5, rule);
    let mut path = Vec::new();
    for pick in picks {
        // An event that can be accepted, so that paths go deep; which ones can is the table's business.
        let fitting: Vec<(Event, Run)> = events
            .iter()
            .filter_map(|event| Some((event.clone(), run.apply(run.step(), event.clone()).ok()?)))
            .collect();
        if fitting.is_empty() {
            break;
        }
        let (event, after) = pick.get(&fitting).clone();
        let before = std::mem::replace(&mut run, after.clone());
        path.push(Taken {
            before,
            event,
            after,
        });
    }
    path
}

fn rules() -> impl proptest::strategy::Strategy<Value = Rule> {
    (0..5_u8, 1..4_u8).prop_map(|(heal_attempts, approvals)| Rule {
        heal_attempts,
        approvals,
    })
}

fn picks() -> impl proptest::strategy::Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..60)
}

/// The attempt that is asked for anew by this step, if one is.
fn fresh(taken: &Taken) -> Option<Attempt> {
    match taken.after.phase() {
        Phase::Healing { attempt, asks: 0 } => Some(attempt),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_accepted_event_is_one_step(rule in rules(), picks in picks()) {
        for (count, taken) in path(rule, &picks).iter().enumerate() {
            prop_assert_eq!(taken.before.step(), Step(count as u64));
            prop_assert_eq!(taken.after.step(), Step(count as u64 + 1));
            prop_assert_eq!(taken.after.gate(), Gate::G5);
            prop_assert_eq!(taken.after.rule(), rule);
        }
    }

    #[test]
    fn an_answer_to_any_other_step_is_refused(rule in rules(), picks in picks(), late in any::<u64>()) {
        for taken in path(rule, &picks) {
            prop_assert!(taken.after.apply(taken.before.step(), taken.event.clone()).is_err());
            if Step(late) != taken.before.step() {
                prop_assert!(taken.before.apply(Step(late), taken.event).is_err());
            }
        }
    }

    #[test]
    fn attempts_only_grow_by_one(rule in rules(), picks in picks()) {
        let mut newest = Attempt(0);
        for taken in path(rule, &picks) {
            if let Some(attempt) = fresh(&taken) {
                prop_assert_eq!(attempt, Attempt(newest.0 + 1), "an attempt is never made twice");
                newest = attempt;
            } else if let Some(attempt) = taken.after.attempt() {
                prop_assert_eq!(attempt, newest);
            }
        }
    }

    #[test]
    fn heals_are_bounded_between_two_answers(rule in rules(), picks in picks()) {
        let mut heals = 0;
        for taken in path(rule, &picks) {
            if taken.event == Event::Answered(Answer::Retry) {
                heals = 0;
            } else if fresh(&taken).is_some() {
                heals += 1;
                prop_assert!(heals <= rule.heal_attempts);
            }
            prop_assert_eq!(taken.after.heals_left() + heals, rule.heal_attempts);
            if matches!(taken.after.phase(), Phase::Escalated { .. }) {
                prop_assert_eq!(heals, rule.heal_attempts, "a person is asked only when none is left");
            }
        }
    }

    #[test]
    fn an_empty_reply_is_asked_again_a_bounded_number_of_times(rule in rules(), picks in picks()) {
        let mut empty = 0;
        for taken in path(rule, &picks) {
            let asked_again = taken.event == Event::Replied(Work::Nothing)
                && matches!(
                    taken.after.phase(),
                    Phase::Working { .. } | Phase::Healing { asks: 1.., .. }
                );
            empty = if asked_again { empty + 1 } else { 0 };
            prop_assert!(empty <= MAX_ASKS);
        }
    }

    #[test]
    fn nothing_is_approved_that_did_not_pass_or_was_not_waived(rule in rules(), picks in picks()) {
        let mut passed: Option<Attempt> = None;
        let mut waived = false;
        let mut approvals = 0;
        for taken in path(rule, &picks) {
            match &taken.event {
                Event::Checked(Verdict::Pass { .. }) => passed = taken.before.attempt(),
                Event::Checked(Verdict::Fail(_)) => passed = None,
                Event::Answered(Answer::Waive) => waived = true,
                Event::Approved => {
                    let Phase::AwaitingApproval { attempt, .. } = taken.before.phase() else {
                        return Err(TestCaseError::fail("approved while nothing awaited approval"));
                    };
                    prop_assert!(waived || passed == Some(attempt));
                    approvals += 1;
                }
                _ => {}
            }
            prop_assert_eq!(taken.after.is_waived(), waived);
            if let Phase::Sealing { decision: Decision::Approved } = taken.after.phase() {
                prop_assert_eq!(approvals, rule.approvals);
            }
        }
    }

    #[test]
    fn moved_pins_and_fewer_tests_need_a_yes(rule in rules(), picks in picks()) {
        let mut held = None;
        for taken in path(rule, &picks) {
            match &taken.event {
                Event::Replied(Work::Committed { pins_moved: true }) => {
                    held = taken.after.attempt();
                    let is_held = matches!(taken.after.phase(), Phase::Held { .. });
                    prop_assert!(is_held);
                }
                Event::Checked(Verdict::Pass { fewer_tests: true }) => {
                    let allowed = matches!(
                        taken.before.phase(),
                        Phase::Checking { allowed: true, .. }
                    );
                    let is_held = matches!(taken.after.phase(), Phase::Held { .. });
                    prop_assert_eq!(is_held, !allowed);
                    held = is_held.then(|| taken.after.attempt()).flatten();
                }
                Event::Ruled(true) | Event::Answered(Answer::Waive) => held = None,
                _ => {
                    if let Phase::AwaitingApproval { attempt, .. } = taken.after.phase() {
                        prop_assert_ne!(held, Some(attempt));
                    }
                }
            }
        }
    }

    #[test]
    fn the_way_of_asking_changes_when_nothing_new_came(rule in rules(), picks in picks()) {
        let mut last: Option<Signature> = None;
        let mut expected = Strategy::Normal;
        let widen = |strategy| match strategy {
            Strategy::Normal => Strategy::WholeFiles,
            Strategy::WholeFiles => Strategy::NextModel,
            Strategy::NextModel | Strategy::WiderContext => Strategy::WiderContext,
        };
        for taken in path(rule, &picks) {
            match &taken.event {
                Event::Checked(Verdict::Fail(way)) | Event::Replied(Work::Refused(way)) => {
                    if last.as_ref() == Some(way) {
                        expected = widen(expected);
                    }
                    last = Some(way.clone());
                }
                // The first work may find everything done; a healing that changes nothing heals nothing.
                Event::Replied(Work::Unchanged) if taken.before.attempt() != Some(Attempt(0)) => {
                    expected = widen(expected);
                }
                Event::Replied(Work::Nothing) if fresh(&taken).is_some()
                    || matches!(taken.after.phase(), Phase::Escalated { .. }) => last = None,
                Event::Answered(Answer::Retry) => {
                    expected = Strategy::Normal;
                    last = None;
                }
                _ => {}
            }
            prop_assert_eq!(taken.after.strategy(), expected);
            prop_assert_eq!(taken.after.last_failure(), last.as_ref());
        }
    }

    #[test]
    fn the_effect_follows_from_what_is_stored(rule in rules(), picks in picks()) {
        for Taken { after: run, .. } in path(rule, &picks) {
            let waits_or_ended = matches!(
                run.phase(),
                Phase::Held { .. }
                    | Phase::Escalated { .. }
                    | Phase::AwaitingApproval { .. }
                    | Phase::Closed { .. }
            );
            prop_assert_eq!(run.effect().is_none(), waits_or_ended);
            if let Some(Effect::Ask { attempt, strategy }) = run.effect() {
                prop_assert_eq!(Some(attempt), run.attempt());
                prop_assert_eq!(strategy, run.strategy());
            }
            let text = serde_json::to_string(&run).unwrap();
            let back: Run = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.effect(), run.effect());
            prop_assert_eq!(back, run);
        }
    }
}
