//! Finds what client and server both have, and says so in each protocol's words.

use std::collections::HashMap;

use git2::Repository;

use super::history::History;
use super::pkt;
use super::request::Fetch;
use crate::{Oid, WorkspaceError};

/// What was found out about the client's haves.
pub(super) struct Negotiated {
    /// Haves that are here, in the client's order.
    pub(super) common: Vec<Oid>,
    /// Whether each want leads to something that the client has: more haves would not help.
    is_enough: bool,
}

impl Negotiated {
    pub(super) fn of(
        repo: &Repository,
        history: &mut History<'_>,
        tips: &[Oid],
        haves: &[Oid],
    ) -> Result<Self, WorkspaceError> {
        let common: Vec<Oid> = haves
            .iter()
            .copied()
            .filter(|have| repo.find_commit(have.0).is_ok())
            .collect();
        let is_enough = !common.is_empty() && leads_all(history, tips, &common)?;
        Ok(Self { common, is_enough })
    }

    /// The answer of protocol 0 up to the pack; whether the pack follows.
    pub(super) fn tell_v0(&self, fetch: &Fetch, out: &mut Vec<u8>) -> bool {
        if !fetch.negotiates {
            return false;
        }
        if fetch.multi_ack_detailed {
            for oid in &self.common {
                pkt::text(out, &format!("ACK {oid} common\n"));
            }
            if let (false, true, Some(last)) = (fetch.done, self.is_enough, self.common.last()) {
                pkt::text(out, &format!("ACK {last} ready\n"));
            }
        } else if let Some(first) = self.common.first() {
            pkt::text(out, &format!("ACK {first}\n"));
        }
        match (self.common.last(), fetch.done) {
            (Some(last), true) if fetch.multi_ack_detailed => {
                pkt::text(out, &format!("ACK {last}\n"));
            }
            (Some(_), true) => {}
            (Some(_), false) if !fetch.multi_ack_detailed => {}
            _ => pkt::text(out, "NAK\n"),
        }
        fetch.done
    }

    /// The same of protocol 2.
    pub(super) fn tell_v2(&self, fetch: &Fetch, out: &mut Vec<u8>) -> bool {
        if fetch.done {
            return true;
        }
        pkt::text(out, "acknowledgments\n");
        for oid in &self.common {
            pkt::text(out, &format!("ACK {oid}\n"));
        }
        if self.common.is_empty() {
            pkt::text(out, "NAK\n");
        }
        if self.is_enough {
            pkt::text(out, "ready\n");
            pkt::delimiter(out);
        } else {
            pkt::flush(out);
        }
        self.is_enough
    }
}

/// Whether each tip has something of `common` in its past. Each commit is looked at once.
fn leads_all(
    history: &mut History<'_>,
    tips: &[Oid],
    common: &[Oid],
) -> Result<bool, WorkspaceError> {
    let has = history.client_has(common)?;
    let mut leads: HashMap<Oid, bool> = HashMap::new();
    for tip in tips {
        let mut open = vec![*tip];
        while let Some(oid) = open.last().copied() {
            if leads.contains_key(&oid) {
                open.pop();
                continue;
            }
            if has.contains(&oid) {
                leads.insert(oid, true);
                open.pop();
                continue;
            }
            let parents = history.parents(oid)?;
            let next = parents.iter().find(|parent| !leads.contains_key(parent));
            match next {
                Some(next) => open.push(*next),
                None => {
                    let any = parents.iter().any(|parent| leads[parent]);
                    leads.insert(oid, any);
                    open.pop();
                }
            }
        }
        if !leads[tip] {
            return Ok(false);
        }
    }
    Ok(true)
}
