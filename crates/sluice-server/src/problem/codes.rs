//! The words in `code`: why a request is refused that could be carried out at another time or by somebody else.

use super::Kind;

/// A word in `code`.
pub(crate) struct Code {
    /// The word.
    pub(crate) word: &'static str,
    /// The type of the problems that it stands in.
    pub(crate) kind: Kind,
    /// What is the matter.
    pub(crate) means: &'static str,
    /// What to do.
    pub(crate) mend: &'static str,
}

const fn code(word: &'static str, kind: Kind, means: &'static str, mend: &'static str) -> Code {
    Code {
        word,
        kind,
        means,
        mend,
    }
}

/// Every word, in the order of the alphabet. A test holds this to what the code says.
pub(crate) const CODES: &[Code] = &[
    code(
        "all_passed",
        Kind::Conflict,
        "Every gate of the project is passed; none waits for a reply.",
        "Nothing. To work on, reject a gate or edit a file.",
    ),
    code(
        "already_answered",
        Kind::Conflict,
        "Somebody has answered the escalation.",
        "Look at the escalation: it names the answer and who gave it.",
    ),
    code(
        "already_decided",
        Kind::Conflict,
        "You have decided on this subject already.",
        "Wait for the others whom the gate asks for.",
    ),
    code(
        "already_replied",
        Kind::Conflict,
        "The attempt has its reply.",
        "Look at the gate's attempts; hand the next reply in when one is asked for.",
    ),
    code(
        "csrf",
        Kind::Forbidden,
        "A form was sent that this sign-in was not shown, or by a page of another site.",
        "Open the page again and send its form.",
    ),
    code(
        "does_not_fit",
        Kind::Conflict,
        "The run is not where this could be done to it.",
        "Read the gate again and decide on what it waits for now.",
    ),
    code(
        "edit_ended",
        Kind::Conflict,
        "The edit was applied, resolved or dropped before.",
        "Read the edit; write the file again if something is still to change.",
    ),
    code(
        "gate_order",
        Kind::Conflict,
        "A gate before this one is not passed.",
        "Pass that one first; `detail` names it.",
    ),
    code(
        "issuer_unavailable",
        Kind::Unavailable,
        "The token is one of the configured issuer, which does not answer; without its keys no token of it can be looked at.",
        "Send the request again a little later, or use a token of the daemon.",
    ),
    code(
        "key_in_flight",
        Kind::Conflict,
        "A request under the same `Idempotency-Key` is being answered.",
        "Send it again after the seconds in `Retry-After`: the same answer comes.",
    ),
    code(
        "name_taken",
        Kind::Conflict,
        "A project has, or had, this name.",
        "Take another name. The names of deleted projects are not used again.",
    ),
    code(
        "no_name",
        Kind::Forbidden,
        "Every name under which you could act here is somebody else's.",
        "Ask an admin for a token.",
    ),
    code(
        "no_role",
        Kind::Forbidden,
        "The issuer vouches for you, and nothing in its token gives you a role here.",
        "Ask an admin to put you into a group that `oidc.roles` names.",
    ),
    code(
        "not_a_person",
        Kind::Forbidden,
        "The token belongs to a program; only people decide.",
        "Let a person with a token of their own decide.",
    ),
    code(
        "not_held",
        Kind::Conflict,
        "No attempt of the gate is held, so there is nothing to rule on.",
        "Read the gate: `waits_for` says what it waits for.",
    ),
    code(
        "not_startable",
        Kind::Conflict,
        "The gate is passed, or is at work already.",
        "Read the gate: `state` and `waits_for` say how it stands.",
    ),
    code(
        "not_started",
        Kind::Conflict,
        "The gate has no run yet.",
        "Start it, or hand in a reply.",
    ),
    code(
        "not_waiting_for_reply",
        Kind::Conflict,
        "The gate does not wait for a reply from outside.",
        "Read the gate: an agent may be at work there, or a person be asked.",
    ),
    code(
        "nothing_to_waive",
        Kind::Conflict,
        "The last attempt left nothing that could be taken as it is.",
        "Answer with `retry`, `reject` or `abort`.",
    ),
    code(
        "own_work",
        Kind::Forbidden,
        "You wrote the subject, or a part of it.",
        "Let somebody else decide on it.",
    ),
    code(
        "question_open",
        Kind::Conflict,
        "The agent has asked something, and waits for a person's answer.",
        "Answer the question in the journal first.",
    ),
    code(
        "role",
        Kind::Forbidden,
        "The token's role is too low.",
        "Use a token with the role that `detail` names.",
    ),
    code(
        "run_moved",
        Kind::Conflict,
        "The run went on while this was being done.",
        "Read the gate again and decide on what it waits for now.",
    ),
    code(
        "run_open",
        Kind::Conflict,
        "A run is open in the project, and there is one at a time.",
        "Wait until it ends, or cancel it.",
    ),
    code(
        "scope",
        Kind::Forbidden,
        "The token is for other projects.",
        "Use a token that holds for this project.",
    ),
    code(
        "shown_once",
        Kind::Conflict,
        "The request was carried out under this `Idempotency-Key`, and its answer held a secret, which is not kept.",
        "Revoke what `detail` names, and ask again under a new key.",
    ),
    code(
        "stale_entry",
        Kind::Conflict,
        "The entry was changed by somebody else meanwhile.",
        "Read the entry again and repeat the change on what it is now.",
    ),
    code(
        "stale_subject",
        Kind::Conflict,
        "What you looked at is not what stands at the gate now.",
        "Read the gate, look at its subject, and decide with its `subject_digest`.",
    ),
    code(
        "token_expired",
        Kind::Unauthorized,
        "The token is past its time.",
        "Get a new one: from the issuer, or from an admin.",
    ),
    code(
        "wrong_state",
        Kind::Conflict,
        "The gate does not wait for this.",
        "Read the gate: `waits_for` says what it waits for.",
    ),
];
