//! Each project has its turn, what heals has it first, and no work is done twice at once.

use sluice_gates::{Event, Gate, Rule, Run, Signature, Work};
use sluice_store::{CheckId, CheckState, Pins, RunId};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn check(project: &str, second: i64) -> Due {
    Due::Check(Box::new(CheckRecord {
        id: CheckId::new(),
        project: project.to_owned(),
        reference: "work".to_owned(),
        commit: String::new(),
        tree: String::new(),
        only: Vec::new(),
        state: CheckState::Queued,
        report: None,
        fault: None,
        requested_by: "olga".to_owned(),
        created_at: at(second),
        ended_at: None,
    }))
}

fn run(project: &str, second: i64, heals: bool) -> Due {
    let rule = Rule {
        heal_attempts: 3,
        approvals: 1,
    };
    let mut run = Run::start(Gate::G5, rule);
    if heals {
        let refused = Event::Replied(Work::Refused(Signature("s".to_owned())));
        run = run.apply(run.step(), refused).unwrap();
    }
    Due::Run(Box::new(RunRecord {
        id: RunId::new(),
        project: project.to_owned(),
        ordinal: 1,
        run,
        base_commit: String::new(),
        base_tree: String::new(),
        subject_commit: None,
        subject_tree: None,
        subject_digest: None,
        agent: None,
        pins: Pins::default(),
        gate_file: String::new(),
        opened_by: "olga".to_owned(),
        due_at: Some(at(second)),
        fault: None,
        fault_count: 0,
        created_at: at(second),
        updated_at: at(second),
    }))
}

#[test]
fn what_heals_comes_first_then_the_project_that_has_least_then_the_oldest() {
    let mut due = vec![
        check("busy", 1),
        check("idle", 7),
        run("idle", 5, false),
        run("busy", 9, true),
    ];
    let busy = [("a", "busy"), ("b", "busy"), ("c", "other")];
    let busy = busy.map(|(id, project)| (id.to_owned(), project.to_owned()));
    sort(&mut due, &BTreeMap::from(busy));
    let order: Vec<_> = due.iter().map(|due| (due.project(), due.since())).collect();
    let expected = [("busy", 9), ("idle", 5), ("idle", 7), ("busy", 1)];
    assert_eq!(
        order,
        expected.map(|(project, second)| (project, at(second)))
    );
}

#[test]
fn a_refused_claim_gives_nothing_back() {
    let all = Mutex::default();
    let due = check("p", 1);
    let first = Busy::claim(&all, &due);
    assert!(first.is_some());
    assert!(Busy::claim(&all, &due).is_none());
    assert!(
        Busy::claim(&all, &due).is_none(),
        "the first claim still stands"
    );
    drop(first);
    assert!(Busy::claim(&all, &due).is_some());
}
