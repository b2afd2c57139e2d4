//! The journal: what people and agents note, and what an agent asks in its reply.

use serde_json::json;
use sluice_gates::{Gate, Phase};
use sluice_proof::statement::{EscalationAnswer, Who, WhoKind};
use sluice_reply::Became;
use sluice_store::{
    Actor, ActorKind, EntryChange, EntryChangeOutcome, EntryFilter, EntryId, EntryKind,
    EntryRecord, EntryState, NewEntry, NewEvent, Role, RunRecord,
};

use crate::check::project_event;
use crate::decide::machinery;
use crate::factory::{Factory, now, rfc3339};
use crate::refusal::{Asked, Refusal};
use crate::view::{JournalView, Page};

/// Characters of an entry at most.
const MOST_CHARS: usize = 10_000;
/// Questions that one reply may ask.
const MOST_QUESTIONS: usize = 5;
/// Entries that an agent is told of at most; the newest.
const MOST_TOLD: u64 = 50;
/// The language of the block in which an agent asks.
const QUESTION: &str = "question";

/// What is to change about an entry; `None` leaves what stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalChange {
    /// What it says.
    pub text: Option<String>,
    /// `open` or `closed`.
    pub state: Option<EntryState>,
    /// The answer to a question.
    pub answer: Option<String>,
    /// The version that was looked at.
    pub version: Option<i64>,
}

impl Factory {
    /// The journal of a project, oldest entry first.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn journal_list(
        &self,
        project: &str,
        filter: EntryFilter,
        cursor: Option<&str>,
        limit: u64,
    ) -> Asked<Page<JournalView>> {
        self.project_record(project).await?;
        let page = self
            .store
            .journal_list(project, filter, cursor, limit)
            .await
            .map_err(machinery)?;
        Ok(Page {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next,
        })
    }

    /// Makes an entry.
    ///
    /// # Errors
    /// The role is not enough, the text is empty or too long.
    pub async fn journal_create(
        &self,
        project: &str,
        kind: EntryKind,
        text: &str,
        gate: Option<Gate>,
        actor: &Actor,
    ) -> Asked<JournalView> {
        may_write(actor)?;
        self.project_record(project).await?;
        let at = now();
        let new = NewEntry {
            id: EntryId::new(),
            project: project.to_owned(),
            kind,
            gate,
            text: checked("text", text)?,
            author: actor.name.clone(),
            asked_in: None,
            at,
        };
        let event = opened(&new);
        let made = self.store.journal_create(new, &[event]).await;
        Ok(view(made.map_err(machinery)?))
    }

    /// Changes, answers, closes or reopens an entry. A run whose agent asked goes on when all its questions have an
    /// answer or are closed.
    ///
    /// # Errors
    /// It is not there, somebody changed it meanwhile, it has an answer already, the role is not enough.
    pub async fn journal_change(
        &self,
        project: &str,
        id: EntryId,
        change: JournalChange,
        actor: &Actor,
    ) -> Asked<JournalView> {
        may_write(actor)?;
        self.project_record(project).await?;
        let missing = || Refusal::not_found(format!("journal entry {id}"));
        let stands = self.store.journal_fetch(id).await.map_err(machinery)?;
        let stands = stands
            .filter(|entry| entry.project == project)
            .ok_or_else(missing)?;
        let stale = || {
            let message = "somebody changed the entry meanwhile; look at it again";
            Refusal::conflict("stale_entry", message)
        };
        if change
            .version
            .is_some_and(|version| version != stands.version)
        {
            return Err(stale());
        }
        let change = fitting(&stands, change, actor)?;
        let at = now();
        let kind = match &change.answer {
            Some(_) => "journal.answered",
            None => "journal.changed",
        };
        let state = change.state.unwrap_or(match change.answer {
            Some(_) => EntryState::Answered,
            None => stands.state,
        });
        let body = json!({
            "entry": id.to_string(), "kind": stands.kind.as_str(), "state": state.as_str(), "by": actor.name,
            "text": change.text, "answer": change.answer.as_ref().map(|(answer, _)| answer),
        });
        let event = project_event(project, kind, body, at).by(actor);
        let outcome = self
            .store
            .journal_change(project, id, stands.version, change, at, &[event])
            .await;
        match outcome.map_err(machinery)? {
            EntryChangeOutcome::Changed(entry) => {
                self.wake.notify_one();
                Ok(view(*entry))
            }
            EntryChangeOutcome::Stale => Err(stale()),
            EntryChangeOutcome::Missing => Err(missing()),
        }
    }

    /// What a request says of the journal, a line an entry.
    pub(crate) async fn journal_told(&self, record: &RunRecord) -> anyhow::Result<Vec<String>> {
        let gate = record.run.gate();
        let entries = self
            .store
            .journal_for(&record.project, gate, MOST_TOLD)
            .await?;
        Ok(entries.iter().map(told).collect())
    }

    /// The questions of a run that wait for an answer before its agent is asked again.
    pub(crate) async fn unanswered(&self, record: &RunRecord) -> anyhow::Result<Vec<EntryRecord>> {
        if !matches!(
            record.run.phase(),
            Phase::Working { .. } | Phase::Healing { .. }
        ) {
            return Ok(Vec::new());
        }
        let mut asked = self.store.journal_asked(record.id).await?;
        asked.retain(|entry| entry.state == EntryState::Open);
        Ok(asked)
    }

    /// The run's questions with their answers, as a decision of `at` says them.
    pub(crate) async fn answered(
        &self,
        record: &RunRecord,
        at: jiff::Timestamp,
    ) -> anyhow::Result<Vec<EscalationAnswer>> {
        let asked = self.store.journal_asked(record.id).await?;
        // What is answered later is no part of the decision, which may be written again.
        let answered = asked
            .into_iter()
            .filter(|entry| entry.answered_at.is_some_and(|answered| answered <= at));
        Ok(answered
            .filter_map(|entry| {
                Some(EscalationAnswer {
                    question: entry.text,
                    answer: entry.answer?,
                    fields: Default::default(),
                    who: Who {
                        name: entry.answered_by?,
                        kind: WhoKind::Person,
                        role: String::new(),
                    },
                })
            })
            .collect())
    }
}

/// The entries that a reply asks for.
pub(crate) fn asks(
    record: &RunRecord,
    attempt: u16,
    author: &str,
    reply: &str,
    at: jiff::Timestamp,
) -> Vec<NewEntry> {
    let entry = |text: String| NewEntry {
        id: EntryId::new(),
        project: record.project.clone(),
        kind: EntryKind::Question,
        gate: Some(record.run.gate()),
        text,
        author: author.to_owned(),
        asked_in: Some((record.id, attempt)),
        at,
    };
    questions(reply).into_iter().map(entry).collect()
}

/// The event that tells of a new entry.
pub(crate) fn opened(new: &NewEntry) -> NewEvent {
    let body = json!({
        "entry": new.id.to_string(), "kind": new.kind.as_str(), "gate": new.gate, "text": new.text,
        "by": new.author, "run": new.asked_in.map(|(run, _)| run.to_string()),
    });
    project_event(&new.project, "journal.opened", body, new.at)
}

/// What a reply asks: the blocks of the language `question` that the grammar says are no file, no edit and no
/// deletion, and that nothing names a path for.
fn questions(reply: &str) -> Vec<String> {
    if !reply.contains(QUESTION) {
        return Vec::new();
    }
    let parsed = sluice_reply::parse(reply);
    let lines: Vec<&str> = reply.lines().collect();
    let blocks = sluice_reply::explain(reply, &parsed);
    blocks
        .iter()
        .filter(|block| {
            block.became == Became::Nothing
                && block.language == QUESTION
                && block.heard.is_empty()
                && block.complete
        })
        .filter_map(|block| {
            let (first, last) = block.lines;
            // Where the whole reply stands in a fence, its lines have other numbers.
            let opens = lines.get(first.checked_sub(1)?)?.trim_end();
            if !opens.to_lowercase().ends_with(QUESTION) {
                return None;
            }
            let body = lines.get(first..last.checked_sub(1)?)?;
            let text = body.join("\n").trim().to_owned();
            (!text.is_empty()).then(|| text.chars().take(MOST_CHARS).collect())
        })
        .take(MOST_QUESTIONS)
        .collect()
}

/// Holds a change against what stands.
fn fitting(stands: &EntryRecord, change: JournalChange, actor: &Actor) -> Asked<EntryChange> {
    let answered = || {
        let by = stands.answered_by.as_deref().unwrap_or_default();
        let message = format!("{by} has answered it; an answer stays as it is");
        Refusal::conflict("already_answered", message)
    };
    if change.text.is_some() && stands.answer.is_some() {
        return Err(answered());
    }
    let text = change.text.map(|text| checked("text", &text)).transpose()?;
    let state = match change.state {
        // It is that by its answer.
        Some(EntryState::Answered) if change.answer.is_some() || stands.answer.is_some() => {
            Some(EntryState::Answered)
        }
        Some(EntryState::Answered) => {
            let message = "say the `answer`; the entry is answered by it";
            return Err(Refusal::invalid("state", message));
        }
        other => other,
    };
    let answer = match change.answer {
        None => None,
        Some(_) if stands.kind != EntryKind::Question => {
            let message = format!("a {} has no answer; only a question has", stands.kind);
            return Err(Refusal::invalid("answer", message));
        }
        Some(_) if stands.answer.is_some() => return Err(answered()),
        Some(_) if actor.kind != ActorKind::Person => {
            let message = "a person answers; this token belongs to a program";
            return Err(Refusal::forbidden("not_a_person", message));
        }
        Some(answer) => Some((checked("answer", &answer)?, actor.name.clone())),
    };
    if text.is_none() && state.is_none() && answer.is_none() {
        let message = "say what is to change: `text`, `state` or `answer`";
        return Err(Refusal::invalid("body", message));
    }
    Ok(EntryChange {
        text,
        state,
        answer,
    })
}

fn checked(field: &'static str, text: &str) -> Asked<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MOST_CHARS {
        let message = format!("`{field}` has 1 to {MOST_CHARS} characters");
        return Err(Refusal::invalid(field, message));
    }
    Ok(text.to_owned())
}

fn may_write(actor: &Actor) -> Asked<()> {
    if actor.role >= Role::Operator {
        return Ok(());
    }
    let message = "the role operator is needed to write into the journal";
    Err(Refusal::forbidden("role", message))
}

/// An entry in a request.
fn told(entry: &EntryRecord) -> String {
    let mut line = format!("{} ({}): {}", entry.kind, entry.author, entry.text);
    if let (Some(answer), Some(by)) = (&entry.answer, &entry.answered_by) {
        line.push_str(&format!("\nAnswered by {by}: {answer}"));
    }
    line
}

fn view(record: EntryRecord) -> JournalView {
    JournalView {
        id: record.id.to_string(),
        project: record.project,
        kind: record.kind.as_str().to_owned(),
        gate: record.gate.map(|gate| gate.as_str().to_owned()),
        text: record.text,
        state: record.state.as_str().to_owned(),
        author: record.author,
        run: record.run.map(|run| run.to_string()),
        attempt: record.attempt,
        answer: record.answer,
        answered_by: record.answered_by,
        answered_at: record.answered_at.map(rfc3339),
        version: record.version,
        created_at: rfc3339(record.created_at),
        updated_at: rfc3339(record.updated_at),
    }
}

#[cfg(test)]
mod tests;
