//! What the stories are told with: times, projects, runs.

use jiff::Timestamp;
use serde_json::json;
use sluice_gates::{Event, Gate, Rule, Run, Step, Verdict, Work};
use sluice_store::{
    Actor, ActorKind, DecisionKind, NewDecision, NewEvent, NewProject, NewRequest, NewRun, Pins,
    ProjectCreateOutcome, ProjectKind, Role, RunCommit, RunCommitOutcome, RunId, RunOpenOutcome,
    Store,
};

/// A time that stands for `second` seconds after the story began.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn rule() -> Rule {
    Rule {
        heal_attempts: 3,
        approvals: 1,
    }
}

pub(crate) fn event(project: &str, kind: &str) -> NewEvent {
    NewEvent {
        project: Some(project.into()),
        kind: kind.into(),
        body: json!({"kind": kind}),
        audit: None,
        at: at(0),
    }
}

pub(crate) fn person(name: &str) -> Actor {
    Actor {
        name: name.into(),
        kind: ActorKind::Person,
        role: Role::Approver,
        token: None,
        projects: None,
    }
}

pub(crate) fn decision(kind: DecisionKind, name: &str, digest: &str) -> NewDecision {
    NewDecision {
        attempt: Some(0),
        kind,
        actor: person(name),
        comment: Some("looks good".into()),
        subject_digest: Some(digest.into()),
        fields: json!({"design": 2}),
    }
}

pub(crate) async fn project(store: &Store, name: &str) {
    let outcome = store.project_create(new_project(name), &[]).await.unwrap();
    assert_eq!(outcome, ProjectCreateOutcome::Created);
}

pub(crate) fn new_project(name: &str) -> NewProject {
    NewProject {
        name: name.into(),
        template: "blank".into(),
        kind: ProjectKind::Service,
        agent: None,
        at: at(0),
    }
}

pub(crate) fn new_run(project: &str, run: Run) -> NewRun {
    NewRun {
        id: RunId::new(),
        project: project.into(),
        run,
        base_commit: "c0".into(),
        base_tree: "t0".into(),
        agent: Some("demo".into()),
        pins: Pins::from([("package-lock.json".into(), "b1".into())]),
        gate_file: "name = \"Development\"\n".into(),
        opened_by: "ada".into(),
        presented: None,
        at: at(1),
    }
}

/// Opens a run of G5 in a new project.
pub(crate) async fn open(store: &Store, name: &str, rule: Rule) -> (RunId, Run) {
    project(store, name).await;
    let run = Run::start(Gate::G5, rule);
    let new = new_run(name, run.clone());
    let id = new.id;
    let outcome = store.run_open(new, &[]).await.unwrap();
    assert_eq!(outcome, RunOpenOutcome::Opened { ordinal: 1 });
    (id, run)
}

/// Stores the request for an attempt, as everything about an attempt begins.
pub(crate) async fn request(store: &Store, run: RunId, n: u16, ask: u8) {
    let new = NewRequest {
        run,
        n,
        ask,
        agent: "demo".into(),
        strategy: "normal".into(),
        request: format!("do {n}, asked {ask}"),
        at: at(2),
    };
    store.attempt_request_put(new, &[]).await.unwrap();
}

/// Applies one event and commits nothing but that.
pub(crate) async fn step(store: &Store, id: RunId, run: &Run, event: Event) -> Run {
    let next = run.apply(run.step(), event).unwrap();
    let commit = RunCommit::new(id, run.step(), next.clone(), at(3));
    let outcome = store.run_commit(commit).await.unwrap();
    assert_eq!(outcome, RunCommitOutcome::Committed { last_seq: None });
    next
}

pub(crate) fn committed() -> Event {
    Event::Replied(Work::Committed { pins_moved: false })
}

pub(crate) fn passed() -> Event {
    Event::Checked(Verdict::Pass { fewer_tests: false })
}

/// Takes a new run of a new project to where it awaits approval.
pub(crate) async fn await_approval(store: &Store, name: &str, rule: Rule) -> (RunId, Run) {
    let (id, run) = open(store, name, rule).await;
    request(store, id, 0, 0).await;
    let run = step(store, id, &run, committed()).await;
    let run = step(store, id, &run, passed()).await;
    (id, run)
}

pub(crate) fn approve(id: RunId, run: &Run, name: &str) -> RunCommit {
    let next = run.apply(run.step(), Event::Approved).unwrap();
    RunCommit {
        decision: Some(decision(DecisionKind::Approve, name, "d1")),
        ..RunCommit::new(id, run.step(), next, at(4))
    }
}

pub(crate) async fn now(store: &Store, id: RunId) -> Step {
    store.run_fetch(id).await.unwrap().unwrap().step()
}

/// Notes three rows, then holds that the database refuses to change them.
pub(crate) async fn refuses_to_change_the_log(store: &Store, raw: &sea_orm::DatabaseConnection) {
    use sea_orm::ConnectionTrait as _;
    for n in 0..3 {
        let mut told = event("p", "gate.decided").by(&person("ada"));
        told.body = json!({ "n": n });
        store.event_append(told).await.unwrap();
    }
    for statement in [
        "UPDATE audit SET who_name = 'eva'",
        "UPDATE audit SET seq = 7 WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 2",
    ] {
        let refused = raw.execute_unprepared(statement).await.unwrap_err();
        assert!(refused.to_string().contains("only added to"), "{refused}");
    }
    assert_eq!(log_problems(store).await, Vec::<String>::new());
}

/// What is wrong with the log as the store reads it.
pub(crate) async fn log_problems(store: &Store) -> Vec<String> {
    let all = sluice_store::AuditFilter::default();
    let rows = store.audit_list(&all, 0, 100).await.unwrap().items;
    sluice_proof::audit::check(&rows, &[]).problems
}
