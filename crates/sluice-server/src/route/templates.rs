//! Templates that projects are made from.

use axum::Json;
use serde::Serialize;
use sluice_factory::TEMPLATES;
use sluice_factory::view::Page;
use utoipa::ToSchema;

use crate::answer::page_of;
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf};
use crate::schema;

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Template {
    /// Its name, for `template` of a new project.
    name: &'static str,
    /// What it holds.
    description: &'static str,
}

/// The templates, by name.
#[utoipa::path(get, path = "/templates", tag = "templates", params(Paging),
    responses((status = 200, body = schema::Page<Template>)))]
pub(crate) async fn template_list(
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Template>>, ApiError> {
    let templates = TEMPLATES.map(|(name, description)| Template { name, description });
    Ok(Json(page_of(templates.into(), &paging, |template| {
        template.name.to_owned()
    })?))
}
