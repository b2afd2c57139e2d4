//! The one list of routes: the router and the OpenAPI document are made of it.

use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use utoipa::OpenApi as _;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, PathItem, Ref, RefOr, Required, Schema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{authenticate, authenticate_git};
use crate::docs::{self, problems};
use crate::limit::{limit_anonymous, limit_caller};
use crate::once::once;
use crate::route::{
    agents, attempts, audit, checks, commits, decisions, edits, escalations, events, files,
    findings, gates, git, health, journal, later, layercake, logs, metrics, parse, projects,
    proofs, replies, templates, tokens, webhooks,
};
use crate::schema;
use crate::state::App;

/// What is answered without a token.
const PUBLIC: [&str; 3] = ["/healthz", "/readyz", "/api/v1/openapi.json"];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Sluice",
        description = "A Git-native workspace agent daemon: an agent's Markdown replies become files, checks run \
                       in sandboxes, people decide at gates G0 to G9, signed proofs stay in git.",
    ),
    components(schemas(schema::Problem))
)]
struct Head;

/// The OpenAPI 3.1 document of the REST API, as indented JSON with a line break at its end.
pub fn openapi_json() -> String {
    let mut text = document()
        .to_pretty_json()
        .expect("the document can be written as JSON");
    text.push('\n');
    text
}

/// The OpenAPI document.
pub(crate) fn document() -> OpenApi {
    let (_, mut document) = routes(None).split_for_parts();
    finish(&mut document);
    document
}

/// All routes; those that need a token are behind [`authenticate`] as soon as there is something to ask.
pub(crate) fn routes(app: Option<&App>) -> OpenApiRouter<App> {
    // Probes and scrapers look for these at the root or below the base; both answer.
    let aliases = axum::Router::new()
        .route("/api/v1/healthz", get(health::healthz))
        .route("/api/v1/readyz", get(health::readyz));
    let scraped = axum::Router::new().route("/metrics", get(metrics::metrics));
    let (old, _) = layercake::code_generation().split_for_parts();
    let old = axum::Router::new().nest("/api/code-generation", old);
    let undocumented = guarded(OpenApiRouter::from(scraped.merge(old)), app);
    let mut pages = axum::Router::new()
        .route("/docs", get(docs::index))
        .route("/docs/", get(docs::index))
        .route("/docs/{*file}", get(docs::asset))
        .route("/problems", get(problems::problem_list))
        .route("/problems/{word}", get(problems::problem));
    let mut document = OpenApiRouter::new().routes(routes!(health::openapi));
    let mut git = axum::Router::new()
        .route("/git/{repository}/info/refs", get(git::refs))
        .route("/git/{repository}/git-upload-pack", post(git::upload_pack))
        .route("/git/{repository}/git-receive-pack", any(git::receive_pack))
        .route("/git/{repository}/{*file}", any(git::plain_file));
    if let Some(app) = app {
        let limited = || from_fn_with_state(App::clone(app), limit_anonymous);
        pages = pages.route_layer(limited());
        document = document.route_layer(limited());
        git = git
            .route_layer(from_fn_with_state(App::clone(app), limit_caller))
            .route_layer(from_fn_with_state(App::clone(app), authenticate_git));
    }
    let (undocumented, _) = undocumented.split_for_parts();
    OpenApiRouter::with_openapi(Head::openapi())
        .nest("/api/v1", guarded(secured(), app))
        .merge(guarded(layercake::routes(), app))
        .merge(document)
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .merge(aliases.into())
        .merge(undocumented.into())
        .merge(git.into())
        .merge(pages.into())
}

/// Routes that ask for a token: who it is, then how often, then what was done already.
fn guarded(routes: OpenApiRouter<App>, app: Option<&App>) -> OpenApiRouter<App> {
    let Some(app) = app else {
        return routes;
    };
    // The last one is the outermost.
    routes
        .route_layer(from_fn_with_state(App::clone(app), once))
        .route_layer(from_fn_with_state(App::clone(app), limit_caller))
        .route_layer(from_fn_with_state(App::clone(app), authenticate))
}

fn secured() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(projects::project_list, projects::project_create))
        .routes(routes!(projects::project_fetch, projects::project_delete))
        .routes(routes!(files::tree_list))
        .routes(routes!(
            files::file_read,
            files::file_write,
            files::file_delete
        ))
        .routes(routes!(edits::edit_list))
        .routes(routes!(edits::edit_fetch))
        .routes(routes!(edits::edit_resolve))
        .routes(routes!(edits::edit_drop))
        .routes(routes!(edits::work_tree_fetch))
        .routes(routes!(commits::commit_list))
        .routes(routes!(commits::commit_fetch))
        .routes(routes!(commits::diff))
        .routes(routes!(commits::branch_list))
        .routes(routes!(commits::tag_list))
        .routes(routes!(commits::blame))
        .routes(routes!(parse::parse))
        .routes(routes!(replies::reply_put))
        .routes(routes!(checks::check_create))
        .routes(routes!(checks::check_fetch))
        .routes(routes!(logs::check_log))
        .routes(routes!(gates::gate_list))
        .routes(routes!(gates::gate_fetch))
        .routes(routes!(decisions::gate_start))
        .routes(routes!(decisions::gate_approve))
        .routes(routes!(decisions::gate_reject))
        .routes(routes!(decisions::gate_rule))
        .routes(routes!(decisions::gate_cancel))
        .routes(routes!(attempts::attempt_list))
        .routes(routes!(attempts::attempt_fetch))
        .routes(routes!(attempts::attempt_live))
        .routes(routes!(logs::gate_log))
        .routes(routes!(proofs::proof_list))
        .routes(routes!(proofs::proof_fetch))
        .routes(routes!(escalations::escalation_list))
        .routes(routes!(escalations::escalation_fetch))
        .routes(routes!(escalations::escalation_answer))
        .routes(routes!(findings::finding_list))
        .routes(routes!(templates::template_list))
        .routes(routes!(agents::agent_list))
        .routes(routes!(agents::agent_fetch))
        .routes(routes!(events::event_stream))
        .routes(routes!(events::event_stream_of_project))
        .routes(routes!(audit::audit_list))
        .routes(routes!(tokens::token_list, tokens::token_create))
        .routes(routes!(tokens::token_revoke))
        .routes(routes!(webhooks::webhook_list))
        .routes(routes!(webhooks::webhook_test))
        .routes(routes!(webhooks::delivery_list))
        .routes(routes!(webhooks::delivery_fetch))
        .routes(routes!(webhooks::delivery_again))
        .routes(routes!(metrics::metrics))
        .routes(routes!(
            journal::journal_list,
            journal::journal_create,
            journal::journal_change
        ))
        .routes(routes!(later::agent_execute))
        .routes(routes!(later::export_list, later::export_create))
        .routes(routes!(later::deployment_list, later::deployment_create))
}

/// What holds for all operations: the token, and problems for everything that is not named.
fn finish(document: &mut OpenApi) {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token of `POST /tokens`, or the admin token of the first start.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(scheme));
    let paths = std::mem::take(&mut document.paths.paths);
    for (path, mut item) in paths {
        if let Some(post) = item.post.as_mut() {
            post.parameters
                .get_or_insert_default()
                .push(key_parameter());
        }
        let secured = !PUBLIC.contains(&path.as_str());
        let named = path_parameters(&path);
        for operation in operations(&mut item) {
            name_parameters(operation, &named);
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    never_null(&mut parameter.schema);
                    without_format(&mut parameter.schema);
                }
            }
            let responses = &mut operation.responses.responses;
            responses.insert(
                "default".to_owned(),
                problem("Any other refusal or failure"),
            );
            if secured {
                responses.insert("401".to_owned(), problem("No valid token"));
                responses.insert("429".to_owned(), problem("Too many requests"));
                operation.security = Some(vec![SecurityRequirement::new(
                    "token",
                    Vec::<String>::new(),
                )]);
            }
        }
        // The router's word for "the rest of the path" is not OpenAPI's.
        document.paths.paths.insert(path.replace("{*", "{"), item);
    }
}

/// The names that stand in a path.
fn path_parameters(path: &str) -> Vec<String> {
    let parts = path.split('/');
    let names = parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| name.trim_start_matches('*').to_owned())
        .collect()
}

/// Adds what stands in the path and is not described by the handler.
fn name_parameters(operation: &mut Operation, named: &[String]) {
    let parameters = operation.parameters.get_or_insert_default();
    for name in named {
        let is_there = parameters.iter().any(|parameter| {
            matches!(parameter, RefOr::T(one) if one.name == *name && one.parameter_in == ParameterIn::Path)
        });
        if !is_there {
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
            parameters.push(RefOr::T(parameter.build()));
        }
    }
}

/// The format of a number says how we keep it, and that a larger one is refused; a page's size is cut instead.
fn without_format(schema: &mut Option<RefOr<Schema>>) {
    if let Some(RefOr::T(Schema::Object(object))) = schema
        && object.schema_type == SchemaType::Type(Type::Integer)
    {
        object.format = None;
    }
}

/// What every `POST` takes.
fn key_parameter() -> RefOr<Parameter> {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]([ -~]*[!-~])?$"));
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Any text of one's own: the request is done once, however often it is sent under this key in a day, and \
             is given the same answer",
        ))
        .schema(Some(text))
        .build();
    RefOr::T(parameter)
}

/// A parameter that is left out is not sent as null.
fn never_null(schema: &mut Option<RefOr<Schema>>) {
    if let Some(RefOr::T(Schema::Object(object))) = schema
        && let SchemaType::Array(types) = &object.schema_type
        && let [single] = types
            .iter()
            .filter(|kind| **kind != Type::Null)
            .collect::<Vec<_>>()
            .as_slice()
    {
        object.schema_type = SchemaType::Type((*single).clone());
    }
}

fn problem(description: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build();
    RefOr::T(response)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

#[cfg(test)]
mod tests;
