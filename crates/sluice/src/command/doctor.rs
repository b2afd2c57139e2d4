//! `sluice doctor`: says what this machine has, and for each thing that is missing how to get it.

mod engines;
mod host;
mod issuer;
mod webhooks;

use serde::Serialize;

use crate::config::{Config, Setting};
use crate::engine::{self, Stay};
use crate::exit::{self, Exit};
use crate::output::{Output, one_line, table};

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It is there and works.
    Ok,
    /// It works, with something to know about it.
    Warning,
    /// It is not there, or does not work.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
struct Item {
    /// What.
    name: &'static str,
    /// How it stands.
    state: State,
    /// What was found.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Item {
    fn new(name: &'static str, state: State, detail: impl Into<String>) -> Item {
        Item {
            name,
            state,
            detail: detail.into(),
            fix: None,
        }
    }

    fn fix(mut self, fix: impl Into<String>) -> Item {
        self.fix = Some(fix.into());
        self
    }
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
struct Diagnosis {
    /// Whether checks can run.
    ok: bool,
    /// The engine that `auto` takes.
    engine: Option<&'static str>,
    /// What was found.
    items: Vec<Item>,
    /// What is configured.
    configuration: Vec<Setting>,
}

/// Runs the command. A configuration that is wrong is one of the findings.
pub(super) async fn run(config: Result<Config, Exit>, output: Output) -> Result<(), Exit> {
    let mut items = vec![host::system()];
    let (config, is_configured) = match config {
        Ok(config) => {
            items.push(host::configuration(&config));
            (config, true)
        }
        Err(exit) => {
            let item = Item::new("configuration", State::Missing, exit.message);
            items.push(item.fix(exit.mend.unwrap_or_else(|| "correct that key".to_owned())));
            (Config::defaults(), false)
        }
    };
    let cache = engine::cache_folder()?;
    Stay::reap(&cache, &config).await;
    let stay = Stay::new(&cache)?;
    let found = engines::look(&config, stay.home()).await;
    let toolchains = host::toolchains().await;
    let has_node = !toolchains
        .iter()
        .any(|item| matches!(item.name, "node" | "npm") && item.state == State::Missing);
    let engine = match found.container {
        Some(name) => Some(name),
        None => (found.native && has_node).then_some("native"),
    };
    items.extend(found.items);
    items.extend(toolchains);
    items.push(host::overlay());
    items.push(host::namespaces());
    items.push(host::cgroups());
    items.push(host::watches(&cache));
    items.push(host::disk(&cache));
    items.push(host::certificates(&config));
    items.push(host::registry());
    items.push(host::proxy(&config));
    items.extend(host::files(&config));
    items.extend(webhooks::look(&config).await);
    items.extend(issuer::issuer(&config).await);
    let diagnosis = Diagnosis {
        ok: engine.is_some() && is_configured,
        engine,
        items,
        configuration: config.set,
    };
    if output.is_json() {
        output.document(&diagnosis)?;
    } else {
        output.text(&text(&diagnosis))?;
    }
    match (engine, is_configured) {
        (None, _) => Err(Exit::said(exit::MISSING)),
        (_, false) => Err(Exit::said(exit::USAGE)),
        _ => Ok(()),
    }
}

fn text(diagnosis: &Diagnosis) -> String {
    let word = |state| match state {
        State::Ok => "ok",
        State::Warning => "note",
        State::Missing => "MISSING",
    };
    let mut rows = Vec::new();
    for item in &diagnosis.items {
        rows.push(vec![
            word(item.state).to_owned(),
            item.name.to_owned(),
            one_line(&item.detail),
        ]);
        if let Some(fix) = &item.fix {
            rows.push(vec![
                String::new(),
                String::new(),
                one_line(&format!("-> {fix}")),
            ]);
        }
    }
    for setting in &diagnosis.configuration {
        rows.push(vec![
            "set".to_owned(),
            setting.key.clone(),
            one_line(&format!("{} ({})", setting.value, setting.origin)),
        ]);
    }
    let mut text = table(&rows);
    text.push_str(&match diagnosis.engine {
        Some(engine) => format!("\nchecks can run; --engine auto takes {engine}\n"),
        None => "\nchecks cannot run on this machine yet\n".to_owned(),
    });
    text
}
