//! Holds answers against the OpenAPI document: the status is documented, the body has its shape, no more.

use axum::http::{Method, StatusCode};
use serde_json::Value;

/// The document that the server serves.
pub(crate) struct Document(Value);

impl Document {
    pub(crate) fn served() -> Document {
        Document(serde_json::from_str(&sluice_server::openapi_json()).unwrap())
    }

    /// Every operation: its method, its path as a template, and itself.
    pub(crate) fn operations(&self) -> Vec<(Method, String, &Value)> {
        let mut all = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let method = method.to_uppercase().parse().unwrap();
                all.push((method, path.clone(), operation));
            }
        }
        all
    }

    /// Panics unless the answer is one that the document allows.
    pub(crate) fn check(
        &self,
        method: &Method,
        uri: &str,
        status: StatusCode,
        kind: &str,
        body: &[u8],
    ) {
        let path = uri.split('?').next().unwrap();
        let operations = self.operations();
        let operation = operations
            .iter()
            .find(|(one, template, _)| one == method && fits(template, path));
        let Some((_, _, operation)) = operation else {
            assert!(
                [404, 405, 400, 421].contains(&status.as_u16()),
                "{method} {uri} is answered {status} but not documented"
            );
            return problem(status, kind, body);
        };
        let responses = &operation["responses"];
        let response = responses.get(status.as_str()).unwrap_or_else(|| {
            assert!(
                status.as_u16() >= 400,
                "{method} {uri}: {status} is not documented"
            );
            &responses["default"]
        });
        if status.as_u16() >= 400 {
            problem(status, kind, body);
        }
        let Some(content) = response.get("content") else {
            assert!(body.is_empty(), "{method} {uri}: a body is not documented");
            return;
        };
        let essence = kind.split(';').next().unwrap();
        let media = content
            .as_object()
            .unwrap()
            .iter()
            .find(|(name, _)| name.split(';').next() == Some(essence));
        let Some((_, media)) = media else {
            panic!("{method} {uri}: the content type {kind:?} is not documented");
        };
        if essence.ends_with("json") {
            let value: Value = serde_json::from_slice(body).unwrap();
            let strict = status.as_u16() < 400;
            self.fits(&media["schema"], &value, strict, &format!("{method} {uri}"));
        }
    }

    fn fits(&self, schema: &Value, value: &Value, strict: bool, at: &str) {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let name = name.strip_prefix("#/components/schemas/").unwrap();
            let named = &self.0["components"]["schemas"][name];
            assert!(named.is_object(), "{at}: the schema {name} is missing");
            return self.fits(named, value, strict, at);
        }
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            // The only choice in our documents is between a shape and null.
            let (null, rest): (Vec<_>, Vec<_>) =
                choices.iter().partition(|one| one["type"] == "null");
            assert_eq!((null.len(), rest.len()), (1, 1), "{at}: {schema}");
            if !value.is_null() {
                self.fits(rest[0], value, strict, at);
            }
            return;
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            // A schema without a type allows anything.
            _ => return,
        };
        let has = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let widened = has == "integer" && types.contains(&"number");
        assert!(
            types.contains(&has) || widened,
            "{at}: {value} is {has}, not {types:?}"
        );
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            assert!(words.contains(value), "{at}: {value} is none of {words:?}");
        }
        if let Some(items) = value.as_array() {
            for (index, item) in items.iter().enumerate() {
                self.fits(&schema["items"], item, strict, &format!("{at}[{index}]"));
            }
        }
        if let (Some(map), Some(properties)) = (
            value.as_object(),
            schema.get("properties").and_then(Value::as_object),
        ) {
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap();
                assert!(map.contains_key(name), "{at}: {name} is missing in {value}");
            }
            for (name, member) in map {
                match properties.get(name) {
                    Some(schema) => self.fits(schema, member, strict, &format!("{at}.{name}")),
                    None => assert!(!strict, "{at}: {name} is not documented"),
                }
            }
        }
    }
}

/// Panics unless it is a problem that says at least what RFC 9457 has names for.
fn problem(status: StatusCode, kind: &str, body: &[u8]) {
    assert_eq!(kind, "application/problem+json");
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body["status"], status.as_u16());
    for member in ["type", "title", "detail", "instance"] {
        assert!(
            body[member].as_str().is_some_and(|text| !text.is_empty()),
            "{body}"
        );
    }
}

fn fits(template: &str, path: &str) -> bool {
    let mut wanted = template.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("{path}"), Some(_)) => return true,
            (Some(name), Some(part)) if name.starts_with('{') && !part.is_empty() => {}
            (Some(name), Some(part)) if name == part => {}
            _ => return false,
        }
    }
}
