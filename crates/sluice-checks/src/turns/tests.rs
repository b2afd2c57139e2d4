//! Turns are bounded, fair between projects, in a hurry for what heals, and given back whoever goes away.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{join_all, poll_immediate};
use tokio::sync::Mutex;

use super::{Client, Turns};

fn client(project: &str, heals: bool) -> Client {
    Client {
        project: project.to_owned(),
        heals,
    }
}

/// Lets these come in this order while one turn is taken, and says in which order they get theirs.
async fn order(turns: Turns, clients: &[(&str, bool)]) -> Vec<usize> {
    let turns = Arc::new(turns);
    let first = turns.take(&client("first", false), 1, "r", "c").await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for (at, (project, heals)) in clients.iter().enumerate() {
        let (turns, seen, client) = (
            Arc::clone(&turns),
            Arc::clone(&seen),
            client(project, *heals),
        );
        let waits = turns.queue().len();
        let known = Arc::clone(&turns);
        tasks.push(tokio::spawn(async move {
            let _turn = turns.take(&client, 1, "r", &at.to_string()).await;
            seen.lock().await.push(at);
            tokio::task::yield_now().await;
        }));
        while known.queue().len() == waits {
            tokio::task::yield_now().await;
        }
    }
    drop(first);
    for task in tasks {
        task.await.unwrap();
    }
    seen.lock().await.clone()
}

#[tokio::test]
async fn what_heals_goes_first_and_else_who_came_first() {
    let clients = [("a", false), ("b", false), ("a", true), ("c", true)];
    assert_eq!(order(Turns::new(1, 100), &clients).await, [2, 3, 0, 1]);
}

#[tokio::test]
async fn a_project_with_many_checks_does_not_hold_up_the_others() {
    let turns = Turns::new(2, 100);
    let _many = turns.take(&client("many", false), 1, "r", "c").await;
    let other = turns.take(&client("other", false), 1, "r", "c").await;
    let (many, few) = (client("many", false), client("few", false));
    let mut early = pin!(turns.take(&many, 1, "r", "early"));
    assert!(poll_immediate(early.as_mut()).await.is_none());
    let mut late = pin!(turns.take(&few, 1, "r", "late"));
    assert!(poll_immediate(late.as_mut()).await.is_none());
    let queue: Vec<_> = turns
        .queue()
        .into_iter()
        .map(|one| (one.check, one.ahead))
        .collect();
    assert_eq!(queue, [("late".to_owned(), 0), ("early".to_owned(), 1)]);
    drop(other);
    assert!(poll_immediate(late).await.is_some());
    assert!(
        poll_immediate(early.as_mut()).await.is_some(),
        "`late` has ended"
    );
}

#[tokio::test]
async fn what_needs_more_memory_than_there_is_runs_alone() {
    let turns = Turns::new(8, 10);
    let (a, b) = (client("a", false), client("b", false));
    let small = turns.take(&a, 6, "r", "c").await;
    let mut large = pin!(turns.take(&a, 50, "r", "large"));
    assert!(poll_immediate(large.as_mut()).await.is_none());
    // Nobody overtakes it.
    let mut later = pin!(turns.take(&a, 1, "r", "later"));
    assert!(poll_immediate(later.as_mut()).await.is_none());
    drop(small);
    let large = poll_immediate(large).await.unwrap();
    assert!(poll_immediate(later.as_mut()).await.is_none());
    drop(large);
    assert!(poll_immediate(later).await.is_some());
    assert!(
        poll_immediate(pin!(turns.take(&b, 10, "r", "c")))
            .await
            .is_some()
    );
}

#[tokio::test]
async fn who_goes_away_leaves_no_trace() {
    let turns = Turns::new(1, 10);
    let (a, b) = (client("a", false), client("b", false));
    let first = turns.take(&a, 1, "r", "c").await;
    {
        let mut gone = pin!(turns.take(&a, 1, "r", "gone"));
        assert!(poll_immediate(gone.as_mut()).await.is_none());
    }
    assert_eq!(turns.queue(), []);
    // One that has its turn already and does not know it yet.
    {
        let mut granted = pin!(turns.take(&a, 1, "r", "granted"));
        assert!(poll_immediate(granted.as_mut()).await.is_none());
        drop(first);
        assert_eq!(turns.queue(), []);
    }
    assert!(
        poll_immediate(pin!(turns.take(&b, 1, "r", "c")))
            .await
            .is_some()
    );
}

#[tokio::test]
async fn two_hundred_checks_of_twenty_projects_all_end_and_never_too_many_at_once() {
    let turns = Arc::new(Turns::new(3, 100));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks = (0..200).map(|n| {
        let (turns, now, most) = (Arc::clone(&turns), Arc::clone(&now), Arc::clone(&most));
        tokio::spawn(async move {
            let client = client(&format!("p{}", n % 20), n % 7 == 0);
            let _turn = turns.take(&client, 30, "r", "c").await;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(turns.queue(), []);
}
