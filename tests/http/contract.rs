//! The OpenAPI document as a judge: an answer that it does not describe, to the letter, fails the test that got it. Objects are
//! closed here, so that a member nobody documented is found too; and what the server takes has to be documented as well.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use axum::http::{HeaderMap, Method, header};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::answer::Answer;

/// Headers that say nothing of Daybook: they may stand in any answer.
const ORDINARY_HEADERS: [header::HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_SECURITY_POLICY,
    header::CACHE_CONTROL,
    header::X_CONTENT_TYPE_OPTIONS,
];

/// Documented headers that only some of the answers have.
const OCCASIONAL_HEADERS: [&str; 2] = ["Idempotent-Replayed", "Link"];

pub(super) static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::new(api::router::document()));

pub(super) struct Contract {
    pub(super) document: Value,
    /// The components, with every object closed.
    components: Value,
    /// By the text of the schema.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    fn new(document: Value) -> Self {
        let mut components = document["components"].clone();
        close(&mut components["schemas"]);
        Self { document, components, validators: Mutex::default() }
    }

    /// The answer is one that the document describes for this operation.
    pub(super) fn judge(&self, method: &Method, path: &str, answer: &Answer) {
        let at = format!("{method} {path}: {} {}", answer.status, answer.text());
        let response = match self.operation(method, path) {
            Some(operation) => self.resolve(&operation["responses"][answer.status.to_string()]),
            // No operation, so the answer can only be that there is none.
            None => {
                assert!([404, 405].contains(&answer.status), "{at}: there is no such operation");
                &self.document["components"]["responses"][format!("Problem{}", answer.status)]
            }
        };
        assert!(response.is_object(), "{at}: this status is not documented");
        self.judge_headers(&response["headers"], &answer.headers, &at);
        match response["content"].as_object() {
            None => assert!(answer.bytes.is_empty(), "{at}: no body is documented"),
            Some(content) => self.judge_body(content, answer, &at),
        }
    }

    /// What the server took is documented as something that it takes.
    pub(super) fn judge_request(&self, method: &Method, path: &str, content_type: &str, body: &[u8]) {
        let at = format!("{method} {path} was taken with {}", String::from_utf8_lossy(body));
        let operation = self.operation(method, path).unwrap_or_else(|| panic!("{at}"));
        let content = &operation["requestBody"]["content"];
        if content.is_null() {
            return assert!(body.is_empty() || body == b"{}", "{at}: no body is documented");
        }
        let schema = &content[content_type]["schema"];
        assert!(schema.is_object(), "{at}: {content_type} is not documented");
        let body = serde_json::from_slice(body).unwrap_or_else(|_| panic!("{at}: this is no JSON"));
        self.validate(schema, &body, &at);
    }

    fn judge_headers(&self, documented: &Value, headers: &HeaderMap, at: &str) {
        let nothing = Map::new();
        let documented = documented.as_object().unwrap_or(&nothing);
        for (name, header) in documented {
            let Some(value) = headers.get(name).map(|value| value.to_str().unwrap()) else {
                assert!(OCCASIONAL_HEADERS.contains(&name.as_str()), "{at}: {name} is missing");
                continue;
            };
            let schema = &self.resolve(header)["schema"];
            let value = if schema["type"] == "integer" { json!(value.parse::<i64>().unwrap()) } else { json!(value) };
            self.validate(schema, &value, &format!("{at}: {name}"));
        }
        for name in headers.keys().filter(|name| !ORDINARY_HEADERS.contains(name)) {
            let is_documented = documented.keys().any(|known| name.as_str().eq_ignore_ascii_case(known));
            assert!(is_documented, "{at}: {name} is not documented");
        }
    }

    fn judge_body(&self, content: &Map<String, Value>, answer: &Answer, at: &str) {
        let content_type = answer.header("content-type");
        let essence = content_type.split(';').next().unwrap();
        let media = content.get(essence).unwrap_or_else(|| panic!("{at}: {content_type:?} is not documented"));
        if essence.ends_with("json") {
            self.validate(&media["schema"], &answer.body, at);
        }
    }

    #[track_caller]
    fn validate(&self, schema: &Value, value: &Value, at: &str) {
        let validator = self.validator(schema);
        let faults: Vec<String> =
            validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{at}\nis not what the document says:\n{}", faults.join("\n"));
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap();
        let compile = || {
            let root = json!({ "components": self.components, "allOf": [schema] });
            Arc::new(jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap())
        };
        Arc::clone(validators.entry(schema.to_string()).or_insert_with(compile))
    }

    /// The path with the fewest parameters wins, as it does in the router.
    fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let path = path.split('?').next().unwrap();
        let paths = self.document["paths"].as_object().unwrap();
        let matching = paths.iter().filter(|(template, _)| matches(template, path));
        let (_, item) = matching.min_by_key(|(template, _)| template.matches('{').count())?;
        item.get(method.as_str().to_lowercase())
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted.starts_with('{') || wanted == found => {}
            _ => return false,
        }
    }
}

/// Nothing beside the properties that an object names.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            // A property may have the name, too; then it is a schema and no list of them.
            let names_properties =
                members.get("properties").is_some_and(|named| named.get("type").is_none_or(Value::is_object));
            if names_properties && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
