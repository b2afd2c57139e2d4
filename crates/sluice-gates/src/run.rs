//! One passage through a gate: where it stands, and what each event makes of it.

use serde::{Deserialize, Serialize};

use crate::Gate;

/// The number of an attempt within its run: 0 is the first, the ones after it heal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Attempt(pub u16);

impl Attempt {
    fn next(self) -> Attempt {
        Attempt(self.0 + 1)
    }
}

/// Counts accepted events. One number, three uses: the row version for compare-and-swap, the idempotency
/// key of the effect, the guard against late answers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Step(pub u64);

/// What the gate's file demands of a run; fixed when the run starts, so that an edit of the file does not
/// change a passage under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// Healing attempts before a person is asked.
    pub heal_attempts: u8,
    /// Persons who must approve; at least one.
    pub approvals: u8,
}

/// What failed, as one comparable value: equal for two attempts that failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(pub String);

/// How the agent is asked. It moves on when an attempt brought nothing new, and stays there until a person
/// answers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The task, the findings and the sources around them.
    #[default]
    Normal,
    /// Whole files are asked for instead of edits.
    WholeFiles,
    /// The next model of the agent is asked.
    NextModel,
    /// Every file that the failing ones depend on is shown.
    WiderContext,
}

impl Strategy {
    fn next(self) -> Strategy {
        match self {
            Strategy::Normal => Strategy::WholeFiles,
            Strategy::WholeFiles => Strategy::NextModel,
            Strategy::NextModel | Strategy::WiderContext => Strategy::WiderContext,
        }
    }

    /// The word in requests, events and proofs.
    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::Normal => "normal",
            Strategy::WholeFiles => "whole_files",
            Strategy::NextModel => "next_model",
            Strategy::WiderContext => "wider_context",
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// The agent does the gate's work: attempt 0.
    Working {
        /// How often it has answered with nothing and was asked again.
        asks: u8,
    },
    /// A check failed; the agent is asked to mend it.
    Healing {
        /// The attempt that its reply will make.
        attempt: Attempt,
        /// How often it has answered with nothing and was asked again.
        asks: u8,
    },
    /// The attempt moved what it is measured by; a person must allow it.
    Held {
        /// Which attempt.
        attempt: Attempt,
        /// What comes after a yes.
        stage: Stage,
    },
    /// The attempt's tree is being checked.
    Checking {
        /// Which attempt.
        attempt: Attempt,
        /// A person has allowed this attempt to move what it is measured by.
        allowed: bool,
    },
    /// The agent cannot go on; a person must answer.
    Escalated {
        /// The last attempt.
        attempt: Attempt,
    },
    /// The subject stands; people must approve.
    AwaitingApproval {
        /// The attempt that is the subject.
        attempt: Attempt,
        /// How many have approved.
        granted: u8,
    },
    /// The decision stands in the store; its proof is being written into git.
    Sealing {
        /// Which decision.
        decision: Decision,
    },
    /// The run is over.
    Closed {
        /// How it ended.
        decision: Decision,
    },
}

/// When an attempt was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It changes tests, check configuration or lockfiles; it was not checked yet.
    BeforeChecks,
    /// Its checks pass, with fewer tests than before.
    AfterChecks,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// People approved the subject.
    Approved,
    /// A person rejected the subject.
    Rejected,
    /// A person ended the run.
    Cancelled,
    /// The gate's file says that the gate is not for projects of this kind.
    NotApplicable,
}

impl Decision {
    /// The word in events, proofs and as the gate's state.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Approved => "approved",
            Decision::Rejected => "rejected",
            Decision::Cancelled => "cancelled",
            Decision::NotApplicable => "not_applicable",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The agent's reply was taken.
    Replied(Work),
    /// The checks of the attempt ended.
    Checked(Verdict),
    /// A person ruled on a held attempt: `true` allows it.
    Ruled(bool),
    /// A person approved the subject.
    Approved,
    /// A person rejected the subject, or what an escalation is about, and sends the work back to this gate, the run's own or one before it.
    Rejected(Gate),
    /// A person answered the escalation.
    Answered(Answer),
    /// A person ended the run.
    Cancelled,
    /// The decision's proof stands in git.
    Sealed,
}

/// What an agent's reply came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Work {
    /// The reply held no file at all.
    Nothing,
    /// The reply cannot be taken: a path was refused, a file was cut off.
    Refused(Signature),
    /// It was taken, and the tree is what it was before.
    Unchanged,
    /// It was taken and committed.
    Committed {
        /// It changes something that was pinned when the gate started.
        pins_moved: bool,
    },
}

/// What the checks say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// All that the gate demands holds.
    Pass {
        /// Fewer tests ran than before the attempt, or more were skipped.
        fewer_tests: bool,
    },
    /// Something does not hold.
    Fail(Signature),
}

/// A person's answer to an escalation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Ask the agent again, with the person's guidance and a new set of healing attempts.
    Retry,
    /// Take the subject as it is, for the reason given; people still must approve it.
    Waive,
    /// The run is ended.
    Abort,
}

/// What the shell does once the run is stored, never before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask the agent, and take its reply.
    Ask {
        /// The attempt that the reply makes.
        attempt: Attempt,
        /// How to ask.
        strategy: Strategy,
    },
    /// Check the attempt's tree.
    Check {
        /// Which attempt.
        attempt: Attempt,
    },
    /// Write the decision's proof and move the refs.
    Seal {
        /// Which decision.
        decision: Decision,
    },
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It answers an earlier step.
    #[error("the event answers step {} but the run is at step {}", at.0, now.0)]
    Stale {
        /// The step that it answers.
        at: Step,
        /// The step that the run is at.
        now: Step,
    },
    /// It does not fit where the run stands.
    #[error("the event does not fit a run that is {0}")]
    Misfit(&'static str),
}

/// An agent that answers with nothing is asked again this often before the empty answer counts.
pub const MAX_ASKS: u8 = 2;

/// One passage through a gate. A value: [`Run::apply`] gives the next one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    gate: Gate,
    rule: Rule,
    step: Step,
    #[serde(flatten)]
    phase: Phase,
    heals_left: u8,
    strategy: Strategy,
    last_failure: Option<Signature>,
    waived: bool,
    /// The gate before this one that the work was sent back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_back: Option<Gate>,
}

impl Run {
    /// A run that starts with the agent's work.
    pub fn start(gate: Gate, rule: Rule) -> Run {
        Run::at(gate, rule, Phase::Working { asks: 0 })
    }

    /// A run of a gate that does not apply: only its proof is to be written.
    pub fn skip(gate: Gate, rule: Rule) -> Run {
        Run::at(
            gate,
            rule,
            Phase::Sealing {
                decision: Decision::NotApplicable,
            },
        )
    }

    /// A run whose attempt 0 is what is there already, such as a person's own commit: it is checked, and no agent is
    /// asked.
    pub fn revalidate(gate: Gate, rule: Rule) -> Run {
        Run::at(
            gate,
            rule,
            Phase::Checking {
                attempt: Attempt(0),
                allowed: false,
            },
        )
    }

    fn at(gate: Gate, rule: Rule, phase: Phase) -> Run {
        Run {
            gate,
            rule,
            step: Step(0),
            phase,
            heals_left: rule.heal_attempts,
            strategy: Strategy::Normal,
            last_failure: None,
            waived: false,
            sent_back: None,
        }
    }

    /// Which gate.
    pub fn gate(&self) -> Gate {
        self.gate
    }

    /// What the gate's file demanded when the run started.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How many events it has taken.
    pub fn step(&self) -> Step {
        self.step
    }

    /// How the agent is asked now.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Healing attempts left before a person is asked.
    pub fn heals_left(&self) -> u8 {
        self.heals_left
    }

    /// How the last attempt failed.
    pub fn last_failure(&self) -> Option<&Signature> {
        self.last_failure.as_ref()
    }

    /// Whether a person took the subject although it does not hold.
    pub fn is_waived(&self) -> bool {
        self.waived
    }

    /// The gate before this one that the work was sent back to by the rejection.
    pub fn sent_back(&self) -> Option<Gate> {
        self.sent_back
    }

    /// The newest attempt that the run has reached.
    pub fn attempt(&self) -> Option<Attempt> {
        match self.phase {
            Phase::Working { .. } => Some(Attempt(0)),
            Phase::Healing { attempt, .. }
            | Phase::Held { attempt, .. }
            | Phase::Checking { attempt, .. }
            | Phase::Escalated { attempt }
            | Phase::AwaitingApproval { attempt, .. } => Some(attempt),
            Phase::Sealing { .. } | Phase::Closed { .. } => None,
        }
    }

    /// The gate's state in one word, for people and the API.
    pub fn state(&self) -> &'static str {
        match self.phase {
            Phase::Working { .. } => "working",
            Phase::Healing { .. } => "healing",
            Phase::Held { .. } => "held",
            Phase::Checking { .. } => "checking",
            Phase::Escalated { .. } => "escalated",
            Phase::AwaitingApproval { .. } => "awaiting_approval",
            Phase::Sealing { .. } => "sealing",
            Phase::Closed { decision } => decision.as_str(),
        }
    }

    /// Whether nothing more can happen.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }

    /// What to do now. A function of what is stored, so a crash loses nothing: on restart the shell loads
    /// the run and asks again. `None` while a person is waited for, and at the end.
    pub fn effect(&self) -> Option<Effect> {
        let strategy = self.strategy;
        match self.phase {
            Phase::Working { .. } => Some(Effect::Ask {
                attempt: Attempt(0),
                strategy,
            }),
            Phase::Healing { attempt, .. } => Some(Effect::Ask { attempt, strategy }),
            Phase::Checking { attempt, .. } => Some(Effect::Check { attempt }),
            Phase::Sealing { decision } => Some(Effect::Seal { decision }),
            Phase::Held { .. }
            | Phase::Escalated { .. }
            | Phase::AwaitingApproval { .. }
            | Phase::Closed { .. } => None,
        }
    }

    /// Takes an event that answers what the run was at step `at`.
    ///
    /// # Errors
    /// [`Rejected::Stale`] when the run has moved on since, [`Rejected::Misfit`] when the event does not
    /// belong where the run stands. The run is unchanged in both cases.
    pub fn apply(&self, at: Step, event: Event) -> Result<Run, Rejected> {
        if at != self.step {
            return Err(Rejected::Stale { at, now: self.step });
        }
        let mut next = self.clone();
        next.step = Step(self.step.0 + 1);
        if next.take(event) {
            Ok(next)
        } else {
            Err(Rejected::Misfit(self.state()))
        }
    }

    /// The whole table: moves to the next phase, or says that the event does not fit.
    fn take(&mut self, event: Event) -> bool {
        match (self.phase, event) {
            (Phase::Working { asks }, Event::Replied(work)) => self.replied(Attempt(0), asks, work),
            (Phase::Healing { attempt, asks }, Event::Replied(work)) => {
                self.replied(attempt, asks, work);
            }
            (Phase::Checking { attempt, allowed }, Event::Checked(verdict)) => match verdict {
                Verdict::Pass { fewer_tests: true } if !allowed => {
                    let stage = Stage::AfterChecks;
                    self.phase = Phase::Held { attempt, stage };
                }
                Verdict::Pass { .. } => self.await_approval(attempt),
                Verdict::Fail(signature) => self.fail(attempt, Some(signature)),
            },
            (Phase::Held { attempt, stage }, Event::Ruled(true)) => match stage {
                Stage::BeforeChecks => {
                    let allowed = true;
                    self.phase = Phase::Checking { attempt, allowed };
                }
                Stage::AfterChecks => self.await_approval(attempt),
            },
            (Phase::Held { attempt, .. }, Event::Ruled(false)) => self.heal(attempt),
            (Phase::AwaitingApproval { attempt, granted }, Event::Approved) => {
                let granted = granted + 1;
                if granted < self.rule.approvals {
                    self.phase = Phase::AwaitingApproval { attempt, granted };
                } else {
                    self.seal(Decision::Approved);
                }
            }
            (Phase::AwaitingApproval { .. } | Phase::Escalated { .. }, Event::Rejected(to))
                if to <= self.gate =>
            {
                self.sent_back = (to < self.gate).then_some(to);
                self.seal(Decision::Rejected);
            }
            (Phase::Escalated { attempt }, Event::Answered(answer)) => match answer {
                Answer::Retry => {
                    self.heals_left = self.rule.heal_attempts;
                    self.strategy = Strategy::Normal;
                    self.last_failure = None;
                    self.phase = Phase::Healing {
                        attempt: attempt.next(),
                        asks: 0,
                    };
                }
                Answer::Waive => {
                    self.waived = true;
                    self.await_approval(attempt);
                }
                Answer::Abort => self.seal(Decision::Cancelled),
            },
            (
                Phase::Working { .. }
                | Phase::Healing { .. }
                | Phase::Held { .. }
                | Phase::Checking { .. }
                | Phase::Escalated { .. }
                | Phase::AwaitingApproval { .. },
                Event::Cancelled,
            ) => self.seal(Decision::Cancelled),
            (Phase::Sealing { decision }, Event::Sealed) => {
                self.phase = Phase::Closed { decision };
            }
            (
                Phase::Working { .. }
                | Phase::Healing { .. }
                | Phase::Held { .. }
                | Phase::Checking { .. }
                | Phase::Escalated { .. }
                | Phase::AwaitingApproval { .. }
                | Phase::Sealing { .. }
                | Phase::Closed { .. },
                _,
            ) => return false,
        }
        true
    }

    fn replied(&mut self, attempt: Attempt, asks: u8, work: Work) {
        match work {
            // An empty answer spends no attempt: it is asked again, a bounded number of times.
            Work::Nothing if asks < MAX_ASKS => {
                let asks = asks + 1;
                self.phase = if attempt == Attempt(0) {
                    Phase::Working { asks }
                } else {
                    Phase::Healing { attempt, asks }
                };
            }
            Work::Nothing => self.fail(attempt, None),
            Work::Refused(signature) => self.fail(attempt, Some(signature)),
            // The first work may well find the tree as it should be; a healing that changes nothing
            // cannot turn red into green.
            Work::Unchanged if attempt != Attempt(0) => {
                self.strategy = self.strategy.next();
                self.heal(attempt);
            }
            Work::Unchanged | Work::Committed { pins_moved: false } => {
                let allowed = false;
                self.phase = Phase::Checking { attempt, allowed };
            }
            Work::Committed { pins_moved: true } => {
                let stage = Stage::BeforeChecks;
                self.phase = Phase::Held { attempt, stage };
            }
        }
    }

    fn fail(&mut self, attempt: Attempt, signature: Option<Signature>) {
        if signature.is_some() && signature == self.last_failure {
            self.strategy = self.strategy.next();
        }
        self.last_failure = signature;
        self.heal(attempt);
    }

    fn heal(&mut self, failed: Attempt) {
        self.phase = match self.heals_left.checked_sub(1) {
            Some(left) => {
                self.heals_left = left;
                Phase::Healing {
                    attempt: failed.next(),
                    asks: 0,
                }
            }
            None => Phase::Escalated { attempt: failed },
        };
    }

    fn await_approval(&mut self, attempt: Attempt) {
        self.phase = Phase::AwaitingApproval {
            attempt,
            granted: 0,
        };
    }

    fn seal(&mut self, decision: Decision) {
        self.phase = Phase::Sealing { decision };
    }
}

#[cfg(test)]
mod tests;
