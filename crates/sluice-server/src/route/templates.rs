//! Templates that projects are made from.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sluice_factory::TemplateHead;
use sluice_factory::view::Page;
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
    /// What is made from it: `project`.
    #[serde(rename = "type")]
    of: &'static str,
    /// Its name in prose.
    title: String,
    /// What a project starts with.
    description: String,
    /// The languages that it is written in.
    languages: Vec<String>,
    /// The kinds of project that it suits: `web`, `service`, `library`, `ai`.
    kinds: Vec<String>,
    /// What its build makes.
    builds: String,
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
        }
    }
}

/// The templates, by name.
#[utoipa::path(get, path = "/templates", tag = "templates", params(Paging),
    responses((status = 200, body = schema::Page<Template>)))]
pub(crate) async fn template_list(
    State(app): State<App>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Template>>, ApiError> {
    let templates = app.factory.template_list().await?;
    let templates = templates.into_iter().map(Template::from).collect();
    Ok(Json(page_of(templates, &paging, |template| {
        template.name.clone()
    })?))
}
