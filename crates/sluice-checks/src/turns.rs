//! Whose turn it is: so many checks at once as the machine bears, none of a project while one that runs less waits.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// For whom a run works, which decides how long its checks wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Whose share of the machine it takes.
    pub project: String,
    /// An attempt that mends a red one: somebody waits for it, and its checks go before all fresh ones.
    pub heals: bool,
}

/// A check that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The run that it belongs to.
    pub run_id: String,
    /// Its name.
    pub check: String,
    /// How many go before it.
    pub ahead: usize,
}

/// The turns of one checker.
#[derive(Debug)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    slots: usize,
    /// What may still be taken, in bytes; below zero while a check runs that needs more than there is.
    memory: i64,
    running: BTreeMap<String, usize>,
    waiting: Vec<Waiter>,
    /// How many have ever come.
    came: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    client: Client,
    memory: i64,
    run_id: String,
    check: String,
    granted: oneshot::Sender<()>,
}

impl Turns {
    /// So many checks at once, which may use so much memory together, in bytes.
    pub(crate) fn new(slots: usize, memory: u64) -> Turns {
        Turns(Mutex::new(State {
            slots: slots.max(1),
            memory: signed(memory),
            running: BTreeMap::new(),
            waiting: Vec::new(),
            came: 0,
        }))
    }

    /// Waits for a turn; it ends when what comes back is dropped. Who stops waiting has lost nothing.
    pub(crate) async fn take(
        &self,
        client: &Client,
        memory: u64,
        run_id: &str,
        check: &str,
    ) -> Turn<'_> {
        let (granted, grant) = oneshot::channel();
        let memory = signed(memory);
        let turn = {
            let mut state = self.state();
            state.came += 1;
            let number = state.came;
            state.waiting.push(Waiter {
                number,
                client: client.clone(),
                memory,
                run_id: run_id.to_owned(),
                check: check.to_owned(),
                granted,
            });
            state.hand_out();
            Turn {
                turns: self,
                number,
                project: client.project.clone(),
                memory,
            }
        };
        // It is sent before the sender goes, unless the waiter was removed, which only `turn` does.
        let _ = grant.await;
        turn
    }

    /// The checks that wait, the next one first.
    pub(crate) fn queue(&self) -> Vec<Queued> {
        let mut state = self.state();
        state.sort();
        let waiting = state.waiting.iter().enumerate();
        waiting
            .map(|(ahead, waiter)| Queued {
                run_id: waiter.run_id.clone(),
                check: waiter.check.clone(),
                ahead,
            })
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sort(&mut self) {
        let running = &self.running;
        let share = |project: &str| running.get(project).copied().unwrap_or(0);
        self.waiting.sort_by_key(|waiter| {
            let client = &waiter.client;
            (!client.heals, share(&client.project), waiter.number)
        });
    }

    /// Gives turns to those who are next, as far as there is room. A check that needs more memory than there is gets
    /// its turn when nothing else runs, and nobody overtakes it meanwhile.
    fn hand_out(&mut self) {
        loop {
            self.sort();
            let is_idle = self.running.is_empty();
            let fits = |waiter: &Waiter| waiter.memory <= self.memory || is_idle;
            if self.slots == 0 || !self.waiting.first().is_some_and(fits) {
                return;
            }
            let next = self.waiting.remove(0);
            self.slots -= 1;
            self.memory -= next.memory;
            *self.running.entry(next.client.project.clone()).or_default() += 1;
            // Should nobody wait for it any more, the turn ends as soon as it is dropped.
            let _ = next.granted.send(());
        }
    }
}

/// A turn, or the place of somebody who waits for one.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    number: u64,
    project: String,
    memory: i64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        let place = state
            .waiting
            .iter()
            .position(|waiter| waiter.number == self.number);
        if let Some(place) = place {
            state.waiting.remove(place);
            return;
        }
        state.slots += 1;
        state.memory += self.memory;
        if let Some(count) = state.running.get_mut(&self.project) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(&self.project);
            }
        }
        state.hand_out();
    }
}

/// No sum of so many checks as there can be is too large.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX).min(1 << 50)
}

/// Three quarters of the machine's memory, in bytes; what is left is for everything else.
pub(crate) fn host_memory() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib * 1024 / 4 * 3)
}

#[cfg(test)]
mod tests;
