//! How a run is stored: databases hold this text, so a change of it is a migration.

use crate::{Decision, Event, Gate, Rule, Run, Signature, Step, Verdict, Work};

const RULE: Rule = Rule {
    heal_attempts: 3,
    approvals: 1,
};

fn take(run: &Run, event: Event) -> Run {
    run.apply(run.step(), event).unwrap()
}

#[test]
fn the_stored_form() {
    let started = Run::start(Gate::G5, RULE);
    let held = take(
        &started,
        Event::Replied(Work::Committed { pins_moved: true }),
    );
    let checking = take(&held, Event::Ruled(true));
    let healing = take(
        &checking,
        Event::Checked(Verdict::Fail(Signature("f00d".to_owned()))),
    );
    let closed = take(&take(&healing, Event::Cancelled), Event::Sealed);
    let lines: Vec<String> = [started, held, checking, healing, closed]
        .iter()
        .map(|run| serde_json::to_string(run).unwrap())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"gate":"g5","rule":{"heal_attempts":3,"approvals":1},"step":0,"phase":"working","asks":0,"heals_left":3,"strategy":"normal","last_failure":null,"waived":false}
    {"gate":"g5","rule":{"heal_attempts":3,"approvals":1},"step":1,"phase":"held","attempt":0,"stage":"before_checks","heals_left":3,"strategy":"normal","last_failure":null,"waived":false}
    {"gate":"g5","rule":{"heal_attempts":3,"approvals":1},"step":2,"phase":"checking","attempt":0,"allowed":true,"heals_left":3,"strategy":"normal","last_failure":null,"waived":false}
    {"gate":"g5","rule":{"heal_attempts":3,"approvals":1},"step":3,"phase":"healing","attempt":1,"asks":0,"heals_left":2,"strategy":"normal","last_failure":"f00d","waived":false}
    {"gate":"g5","rule":{"heal_attempts":3,"approvals":1},"step":5,"phase":"closed","decision":"cancelled","heals_left":2,"strategy":"normal","last_failure":"f00d","waived":false}
    "#);
}

#[test]
fn what_was_stored_is_read_back_and_nonsense_is_not() {
    let run = Run::skip(Gate::G4, RULE);
    let text = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
    assert_eq!(run.step(), Step(0));
    let closed = take(&run, Event::Sealed);
    assert_eq!(closed.state(), Decision::NotApplicable.as_str());
    for nonsense in [
        "{}",
        "null",
        &text.replace("sealing", "dancing"),
        &text.replace("g4", "g10"),
    ] {
        assert!(serde_json::from_str::<Run>(nonsense).is_err(), "{nonsense}");
    }
}
