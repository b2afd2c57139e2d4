//! The events that tell of people's edits.

use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_store::{Actor, NewEvent};
use sluice_workspace::Oid;

use crate::edits::record::{Edit, EditState, Source};

/// The event that tells of a person's commit on `work`.
pub(crate) const EDITED: &str = "file.edited";

/// Something that happened to an edit.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    kind: &'static str,
    body: Value,
    at: Timestamp,
}

impl Told {
    /// A person's commit came onto `work`.
    pub(crate) fn edited(
        paths: &[String],
        by: &str,
        commit: &Oid,
        source: Source,
        edit: Option<u64>,
        at: Timestamp,
    ) -> Told {
        let mut body = json!({
            "path": paths.first(), "paths": paths, "by": by, "commit": commit.to_string(),
            "source": source.as_str(),
        });
        if let (Some(map), Some(n)) = (body.as_object_mut(), edit) {
            map.insert("edit".to_owned(), json!(n));
        }
        Told {
            kind: EDITED,
            body,
            at,
        }
    }

    /// An edit is held, in conflict, resolved or dropped; `None` for one that is applied, of which its commit tells.
    pub(crate) fn of(edit: &Edit, at: Timestamp) -> Option<Told> {
        let kind = match edit.state {
            EditState::Held => "edit.held",
            EditState::Conflict => "edit.conflict",
            EditState::Resolved => "edit.resolved",
            EditState::Dropped => "edit.dropped",
            EditState::Applied => return None,
        };
        let paths: Vec<&String> = edit.files.keys().collect();
        let body = json!({
            "edit": edit.n, "paths": paths, "by": edit.by.as_ref().unwrap_or(&edit.person.name),
            "source": edit.source.as_str(), "run": edit.run,
            "commit": edit.commit.map(|oid| oid.to_string()),
        });
        Some(Told { kind, body, at })
    }

    /// Whether an event is this one.
    pub(crate) fn is(&self, kind: &str, body: &Value) -> bool {
        self.kind == kind
            && match self.kind {
                EDITED => body["commit"] == self.body["commit"],
                _ => body["edit"] == self.body["edit"],
            }
    }

    /// The event of a project, which the audit log keeps too: the daemon saw it, and `by` says whose it is. Where a
    /// credential came with it, the caller puts that in its place.
    pub(crate) fn event(self, project: &str) -> NewEvent {
        NewEvent {
            project: Some(project.to_owned()),
            kind: self.kind.to_owned(),
            body: self.body,
            audit: Some(Actor::daemon()),
            at: self.at,
        }
    }
}
