//! Templates that projects are made from, and those of the requests to agents.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sluice_factory::view::Page;
use sluice_factory::{PromptHead, TemplateHead};
use utoipa::ToSchema;

use crate::answer::page_of;
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf};
use crate::schema;
use crate::state::App;

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Template {
    /// Its name, for `template` of a new project.
    name: String,
    /// What is made from it: `project`, or `prompt` for a part of the requests to agents.
    #[serde(rename = "type")]
    of: &'static str,
    /// Its name in prose.
    title: String,
    /// What a project starts with, or when a request has it.
    description: String,
    /// The languages that it is written in.
    languages: Vec<String>,
    /// The kinds of project that it suits: `web`, `service`, `library`, `ai`.
    kinds: Vec<String>,
    /// What its build makes.
    builds: String,
    /// What may stand in it as `{{placeholder}}`.
    placeholders: Vec<String>,
}

impl From<PromptHead> for Template {
    fn from(head: PromptHead) -> Template {
        Template {
            name: head.name.to_owned(),
            of: "prompt",
            title: head.name.replace('-', " "),
            description: head.description.to_owned(),
            languages: Vec::new(),
            kinds: Vec::new(),
            builds: String::new(),
            placeholders: head
                .placeholders
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
        }
    }
}

impl From<TemplateHead> for Template {
    fn from(head: TemplateHead) -> Template {
        Template {
            name: head.name,
            of: "project",
            title: head.title,
            description: head.description,
            languages: head.languages,
            kinds: head
                .kinds
                .iter()
                .map(|kind| kind.as_str().to_owned())
                .collect(),
            builds: head.builds,
            placeholders: Vec::new(),
        }
    }
}

/// The templates of projects by name, then those of prompts.
#[utoipa::path(get, path = "/templates", tag = "templates", params(Paging),
    responses((status = 200, body = schema::Page<Template>)))]
pub(crate) async fn template_list(
    State(app): State<App>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Template>>, ApiError> {
    let templates = app.factory.template_list().await?;
    let projects = templates.into_iter().map(Template::from);
    let prompts = app.factory.prompt_list().into_iter().map(Template::from);
    let all = projects.chain(prompts).collect();
    // A project's template may have the name of a prompt.
    let key = |template: &Template| match template.of {
        "project" => template.name.clone(),
        of => format!("{of}/{}", template.name),
    };
    Ok(Json(page_of(all, &paging, key)?))
}
