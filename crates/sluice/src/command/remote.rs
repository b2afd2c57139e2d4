//! `sluice gate`, `project`, `edit`, `escalation`, `token`: thin clients of the REST API (contract section 5).

mod client;
mod show;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use reqwest::Method;
use serde_json::{Map, Value, json};
use sluice_path::ProjectName;

use crate::cli::{
    Audit, Decide, EditCommand, EditOf, EscalationCommand, GateCommand, GateOf, ProjectCommand,
    Remote, TokenCommand,
};
use crate::exit::Exit;
use crate::output::Output;
use client::{Body, Client};

/// Columns of a list: the head and the member of each item.
type Columns<'a> = &'a [(&'a str, &'a str)];

const GATES: Columns<'_> = &[
    ("GATE", "gate"),
    ("NAME", "name"),
    ("STATE", "state"),
    ("ATTEMPT", "attempt"),
    ("WAITS FOR", "waits_for_text"),
];
const ATTEMPTS: Columns<'_> = &[
    ("ATTEMPT", "attempt"),
    ("STATE", "state"),
    ("AGENT", "agent"),
    ("FAILING", "failing"),
    ("COMMIT", "commit"),
];
const PROJECTS: Columns<'_> = &[
    ("PROJECT", "name"),
    ("KIND", "kind"),
    ("TEMPLATE", "template"),
    ("GATE", "current_gate"),
    ("STATE", "state"),
];
const EDITS: Columns<'_> = &[
    ("EDIT", "id"),
    ("STATE", "state"),
    ("BY", "by"),
    ("SINCE", "at"),
    ("FROM", "source"),
    ("PATHS", "paths"),
];
const ESCALATIONS: Columns<'_> = &[
    ("ID", "id"),
    ("PROJECT", "project"),
    ("GATE", "gate"),
    ("ATTEMPT", "attempt"),
    ("STATE", "state"),
    ("SINCE", "created_at"),
];
const TOKENS: Columns<'_> = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("ROLE", "role"),
    ("KIND", "kind"),
    ("MADE", "created_at"),
    ("REVOKED", "revoked_at"),
];

/// `sluice gate …`.
pub(super) async fn gate(command: GateCommand, output: Output) -> Result<(), Exit> {
    match command {
        GateCommand::List { project, remote } => {
            let path = ["projects", &project_name(&project)?, "gates"];
            list(&remote, &path, GATES, output).await
        }
        GateCommand::Show(gate) => call(&gate, Method::GET, &[], Body::None, output).await,
        GateCommand::Start { gate, ask } => {
            let body = match ask {
                true => Body::Json(json!({ "ask": true })),
                false => Body::None,
            };
            call(&gate, Method::POST, &["start"], body, output).await
        }
        GateCommand::Reply {
            project,
            file,
            remote,
        } => {
            let project = project_name(&project)?;
            let body = Body::Markdown(read(&file)?);
            let answer = Client::new(&remote)?
                .call(Method::POST, &["projects", &project, "replies"], body)
                .await?;
            show::one(&answer, output)
        }
        GateCommand::Approve { gate, decide } => {
            let body = decision(&gate, decide).await?;
            call(&gate, Method::POST, &["approve"], body, output).await
        }
        GateCommand::Reject { gate, to, decide } => {
            let mut body = decision(&gate, decide).await?;
            if let (Some(to), Body::Json(body)) = (to, &mut body) {
                body["to"] = to.to_ascii_lowercase().into();
            }
            call(&gate, Method::POST, &["reject"], body, output).await
        }
        GateCommand::Rule {
            gate,
            refuse,
            comment,
        } => {
            let body = Body::Json(json!({"allow": !refuse, "comment": comment}));
            call(&gate, Method::POST, &["rule"], body, output).await
        }
        GateCommand::Cancel { gate, comment } => {
            let body = Body::Json(json!({ "comment": comment }));
            call(&gate, Method::POST, &["cancel"], body, output).await
        }
        GateCommand::Attempts {
            gate,
            attempt: None,
        } => {
            let (project, id) = names(&gate)?;
            let path = ["projects", &project, "gates", &id, "attempts"];
            list(&gate.remote, &path, ATTEMPTS, output).await
        }
        GateCommand::Attempts {
            gate,
            attempt: Some(n),
        } => {
            let n = n.to_string();
            call(&gate, Method::GET, &["attempts", &n], Body::None, output).await
        }
    }
}

/// `sluice project …`.
pub(super) async fn project(command: ProjectCommand, output: Output) -> Result<(), Exit> {
    match command {
        ProjectCommand::Create {
            name,
            template,
            kind,
            remote,
        } => {
            let name = project_name(&name)?;
            let kind = one_of("kind", &kind, &["web", "service", "library", "ai"])?;
            let body = Body::Json(json!({"name": name, "template": template, "kind": kind}));
            let answer = Client::new(&remote)?
                .call(Method::POST, &["projects"], body)
                .await?;
            show::one(&answer, output)
        }
        ProjectCommand::List { remote } => list(&remote, &["projects"], PROJECTS, output).await,
        ProjectCommand::Show { name, remote } => {
            let path = ["projects", &project_name(&name)?];
            let answer = Client::new(&remote)?
                .call(Method::GET, &path, Body::None)
                .await?;
            show::one(&answer, output)
        }
        ProjectCommand::Delete { name, remote } => {
            let path = ["projects", &project_name(&name)?];
            let answer = Client::new(&remote)?
                .call(Method::DELETE, &path, Body::None)
                .await?;
            show::one(&answer, output)
        }
    }
}

/// `sluice edit …`.
pub(super) async fn edit(command: EditCommand, output: Output) -> Result<(), Exit> {
    match command {
        EditCommand::List {
            project,
            state,
            remote,
        } => {
            let words = ["open", "held", "conflict", "applied", "resolved", "dropped"];
            let state = state
                .map(|word| one_of("state", &word, &words).map(str::to_owned))
                .transpose()?;
            let query: Vec<(&str, &str)> = state.iter().map(|word| ("state", &**word)).collect();
            let path = ["projects", &project_name(&project)?, "edits"];
            let pages = Client::new(&remote)?.pages(&path, &query).await?;
            show::list(&pages, EDITS, output)
        }
        EditCommand::Show(edit) => call_edit(&edit, Method::GET, &[], Body::None, output).await,
        EditCommand::Resolve {
            edit,
            mine,
            theirs,
            files,
        } => {
            let mut body = json!({ "files": decided(&files)? });
            match (mine, theirs) {
                (true, _) => body["take"] = "mine".into(),
                (_, true) => body["take"] = "theirs".into(),
                (false, false) if files.is_empty() => {
                    return Err(Exit::usage("say what holds").mend(
                        "--mine, --theirs, or --file PATH=FILE for each file; `sluice edit show` has both sides",
                    ));
                }
                (false, false) => {}
            }
            call_edit(&edit, Method::POST, &["resolve"], Body::Json(body), output).await
        }
        EditCommand::Drop(edit) => {
            call_edit(&edit, Method::POST, &["drop"], Body::None, output).await
        }
    }
}

/// Calls something of an edit.
async fn call_edit(
    edit: &EditOf,
    method: Method,
    below: &[&str],
    body: Body,
    output: Output,
) -> Result<(), Exit> {
    let (project, n) = (project_name(&edit.project)?, edit.edit.to_string());
    let mut path = vec!["projects", &project, "edits", &n];
    path.extend(below);
    let answer = Client::new(&edit.remote)?.call(method, &path, body).await?;
    show::one(&answer, output)
}

/// What local files say of paths, given as `PATH=FILE`.
fn decided(files: &[String]) -> Result<Map<String, Value>, Exit> {
    let mut decided = Map::new();
    for given in files {
        let (path, file) = given
            .split_once('=')
            .ok_or_else(|| Exit::usage(format!("--file takes PATH=FILE, not {given:?}")))?;
        let text = String::from_utf8(read(Path::new(file))?).map_err(|_| {
            Exit::usage(format!("{file}: not UTF-8")).mend(
                "take a side with --mine or --theirs, then write the file with PUT …/files/PATH",
            )
        })?;
        decided.insert(path.to_owned(), json!({ "content": text }));
    }
    Ok(decided)
}

/// `sluice escalation …`.
pub(super) async fn escalation(command: EscalationCommand, output: Output) -> Result<(), Exit> {
    match command {
        EscalationCommand::List { remote } => {
            list(&remote, &["escalations"], ESCALATIONS, output).await
        }
        EscalationCommand::Show { id, remote } => {
            let answer = Client::new(&remote)?
                .call(Method::GET, &["escalations", &id], Body::None)
                .await?;
            show::one(&answer, output)
        }
        EscalationCommand::Answer {
            id,
            action,
            guidance,
            fields,
            to,
            remote,
        } => {
            let action = one_of("action", &action, &["retry", "waive", "reject", "abort"])?;
            let mut body =
                json!({"action": action, "guidance": guidance, "fields": filled(&fields)?});
            if let (Some(to), Some(map)) = (to, body.as_object_mut()) {
                map.insert("to".to_owned(), json!(to));
            }
            let body = Body::Json(body);
            let answer = Client::new(&remote)?
                .call(Method::POST, &["escalations", &id, "answer"], body)
                .await?;
            show::one(&answer, output)
        }
    }
}

/// `sluice audit`.
pub(super) async fn audit(args: Audit, output: Output) -> Result<(), Exit> {
    let filters = [
        ("project", &args.project),
        ("kind", &args.kind),
        ("who", &args.who),
    ];
    let mut query: Vec<(&str, &str)> = filters
        .iter()
        .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
        .collect();
    query.push(("limit", "200"));
    let pages = Client::new(&args.remote)?.pages(&["audit"], &query).await?;
    if output.is_json() {
        return output.document(&pages);
    }
    let rows = pages["items"].as_array().map_or(&[][..], Vec::as_slice);
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    output.text(&lines.join("\n"))
}

/// `sluice token …`.
pub(super) async fn token(command: TokenCommand, output: Output) -> Result<(), Exit> {
    match command {
        TokenCommand::Create {
            name,
            role,
            kind,
            projects,
            expires,
            remote,
        } => {
            let role = one_of("role", &role, &["viewer", "operator", "approver", "admin"])?;
            let kind = one_of("kind", &kind, &["person", "agent"])?;
            let mut body = json!({"name": name, "role": role, "kind": kind});
            if !projects.is_empty() {
                body["projects"] = json!(projects);
            }
            if let Some(expires) = expires {
                body["expires_at"] = json!(expires);
            }
            let body = Body::Json(body);
            let answer = Client::new(&remote)?
                .call(Method::POST, &["tokens"], body)
                .await?;
            show::one(&answer, output)
        }
        TokenCommand::List { remote } => list(&remote, &["tokens"], TOKENS, output).await,
        TokenCommand::Revoke { id, remote } => {
            let answer = Client::new(&remote)?
                .call(Method::DELETE, &["tokens", &id], Body::None)
                .await?;
            show::one(&answer, output)
        }
    }
}

async fn list(
    remote: &Remote,
    path: &[&str],
    columns: Columns<'_>,
    output: Output,
) -> Result<(), Exit> {
    let pages = Client::new(remote)?.pages(path, &[]).await?;
    show::list(&pages, columns, output)
}

/// Calls something below a gate.
async fn call(
    gate: &GateOf,
    method: Method,
    below: &[&str],
    body: Body,
    output: Output,
) -> Result<(), Exit> {
    let (project, id) = names(gate)?;
    let mut path = vec!["projects", &project, "gates", &id];
    path.extend(below);
    let answer = Client::new(&gate.remote)?.call(method, &path, body).await?;
    show::one(&answer, output)
}

/// What approve and reject carry. Without a digest, the present one is taken: the caller looked elsewhere.
async fn decision(gate: &GateOf, decide: Decide) -> Result<Body, Exit> {
    let fields = filled(&decide.fields)?;
    let digest = match decide.digest {
        Some(digest) => digest,
        None => {
            let (project, id) = names(gate)?;
            let shown = Client::new(&gate.remote)?
                .call(
                    Method::GET,
                    &["projects", &project, "gates", &id],
                    Body::None,
                )
                .await?;
            let digest = shown["subject_digest"].as_str().map(str::to_owned);
            digest.ok_or_else(|| {
                let waits = shown["waits_for_text"].as_str().unwrap_or_default();
                Exit::failed(
                    format!("{id} has nothing to decide on now. {waits}")
                        .trim_end()
                        .to_owned(),
                )
            })?
        }
    };
    let mut body = json!({"subject_digest": digest, "comment": decide.comment});
    if !fields.is_empty() {
        body["fields"] = Value::Object(fields);
    }
    Ok(Body::Json(body))
}

/// What was filled in, given as `NAME=VALUE`.
fn filled(given: &[String]) -> Result<Map<String, Value>, Exit> {
    let mut fields = Map::new();
    for field in given {
        let (name, value) = field
            .split_once('=')
            .ok_or_else(|| Exit::usage(format!("--field takes NAME=VALUE, not {field:?}")))?;
        fields.insert(name.to_owned(), Value::from(value));
    }
    Ok(fields)
}

fn names(gate: &GateOf) -> Result<(String, String), Exit> {
    let id = gate.gate.to_ascii_lowercase();
    if !matches!(id.as_bytes(), [b'g', b'0'..=b'9']) {
        return Err(Exit::usage(format!(
            "gates are g0 to g9, not {:?}",
            gate.gate
        )));
    }
    Ok((project_name(&gate.project)?, id))
}

fn project_name(name: &str) -> Result<String, Exit> {
    let name =
        ProjectName::parse(name).map_err(|error| Exit::usage(format!("{name:?}: {error}")))?;
    Ok(name.as_str().to_owned())
}

fn one_of<'a>(what: &str, given: &'a str, words: &[&str]) -> Result<&'a str, Exit> {
    match words.contains(&given) {
        true => Ok(given),
        false => Err(Exit::usage(format!(
            "{what} is one of {}, not {given:?}",
            words.join(", ")
        ))),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Exit> {
    let read = if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(file)
    };
    read.map_err(|error| Exit::usage(format!("{}: {error}", file.display())))
}
