//! The topics as an AsyncAPI 3.0 document, for `schemas/asyncapi.json`. Which events there are is told by the caller.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::record::{HEADERS, OPTIONAL_HEADERS, data_schema};

/// One kind of event that is published, and the version of its schema.
#[derive(Debug, Clone, Copy)]
pub struct PublishedType<'a> {
    pub category: &'a str,
    pub event_type: &'a str,
    pub schema_version: i32,
}

impl PublishedType<'_> {
    /// Also the name of its schema's file.
    fn name(&self) -> String {
        format!("{}.v{}", self.event_type, self.schema_version)
    }

    fn message(&self) -> Value {
        json!({
            "name": self.event_type,
            "title": format!("{}, version {}", self.event_type, self.schema_version),
            "contentType": "application/json",
            "headers": {
                "allOf": [
                    { "$ref": "#/components/schemas/headers" },
                    {
                        "type": "object",
                        "properties": {
                            "ce_type": { "const": self.event_type },
                            "ce_schemaversion": { "const": self.schema_version.to_string() },
                            "ce_dataschema": { "const": data_schema(self.event_type, self.schema_version) },
                        },
                    },
                ],
            },
            "payload": { "$ref": format!("./events/{}.json", self.name()) },
            "correlationId": { "$ref": "#/components/correlationIds/correlation" },
            "bindings": { "$ref": "#/components/messageBindings/record" },
        })
    }
}

/// The document. Paths in it are relative to the folder `schemas`.
pub fn document<'a>(types: impl IntoIterator<Item = PublishedType<'a>>) -> Value {
    let mut categories: BTreeMap<&str, BTreeMap<String, PublishedType<'_>>> = BTreeMap::new();
    for published in types {
        categories.entry(published.category).or_default().insert(published.name(), published);
    }
    let messages: Map<String, Value> = categories
        .values()
        .flat_map(|types| types.iter().map(|(name, published)| (name.clone(), published.message())))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": info(),
        "defaultContentType": "application/json",
        "servers": { "kafka": server() },
        "channels": Map::from_iter(categories.iter().map(|(category, types)| (category.to_string(), channel(category, types)))),
        "operations": Map::from_iter(categories.keys().map(|category| (format!("publish.{category}"), operation(category)))),
        "components": {
            "messages": messages,
            "schemas": { "headers": headers() },
            "parameters": {
                "prefix": {
                    "default": "daybook",
                    "description": "The prefix of all topics of one book. Two books in one Kafka have two.",
                },
            },
            "correlationIds": {
                "correlation": { "location": "$message.header#/ce_correlationid" },
            },
            "messageBindings": {
                "record": {
                    "kafka": {
                        "key": {
                            "type": "string",
                            "format": "uuid",
                            "description": "The id of the stream. Its partition is that of Kafka's default partitioner (murmur2).",
                        },
                        "bindingVersion": "0.5.0",
                    },
                },
            },
        },
    })
}

fn info() -> Value {
    json!({
        "title": "Daybook: the book in Kafka",
        "version": "1",
        "description": "One topic a category holds every event of that category, each exactly once for readers of committed records \
            (isolation.level=read_committed), in the order of the book within a partition; the events of one stream are in one \
            partition. The value is the payload, byte for byte as it was hashed; the headers are CloudEvents 1.0 in binary mode and \
            hold everything else that the hash covers. ARCHITECTURE.md specifies the hash.",
        "license": { "name": "Apache-2.0" },
    })
}

fn server() -> Value {
    json!({
        "host": "{broker}",
        "protocol": "kafka",
        "variables": { "broker": { "default": "127.0.0.1:9092", "description": "As KAFKA_BROKERS says." } },
    })
}

fn channel(category: &str, types: &BTreeMap<String, PublishedType<'_>>) -> Value {
    json!({
        "address": format!("{{prefix}}.{category}"),
        "title": format!("The events of every {category}"),
        "parameters": { "prefix": { "$ref": "#/components/parameters/prefix" } },
        "messages": Map::from_iter(types.keys().map(|name| {
            (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))
        })),
        "bindings": {
            "kafka": {
                "topicConfiguration": { "cleanup.policy": ["delete"], "retention.ms": -1, "retention.bytes": -1 },
                "bindingVersion": "0.5.0",
            },
        },
    })
}

fn operation(category: &str) -> Value {
    json!({ "action": "send", "channel": { "$ref": format!("#/channels/{category}") } })
}

fn headers() -> Value {
    let properties = HEADERS.iter().chain(&OPTIONAL_HEADERS).map(|name| ((*name).to_owned(), header(name)));
    json!({ "type": "object", "properties": Map::from_iter(properties), "required": HEADERS })
}

/// All headers are text; what it looks like and what it says.
fn header(name: &str) -> Value {
    let number = json!({ "pattern": "^[0-9]+$" });
    let hash = json!({ "pattern": "^[0-9a-f]{64}$" });
    let (shape, description) = match name {
        "ce_specversion" => (json!({ "const": "1.0" }), "The version of CloudEvents."),
        "ce_id" => (number, "The event among those of its source: its position in the book."),
        "ce_source" => (json!({ "pattern": "^urn:uuid:" }), "The book, by the id on its title page."),
        "ce_type" => (json!({}), "The type of the event."),
        "ce_subject" => (json!({}), "The stream, as `category-id`."),
        "ce_time" => (json!({ "format": "date-time" }), "When the event was recorded, to the microsecond."),
        "ce_dataschema" => {
            (json!({ "format": "uri" }), "Names the schema of the payload: its last part is the name of the file.")
        }
        "content-type" => (json!({ "const": "application/json" }), "The format of the value."),
        "ce_position" => (number, "The position in the book: 1, 2, 3, … over all topics, without a gap."),
        "ce_streamversion" => {
            (number, "The version of the stream with this event: 1, 2, 3, … for each key, without a gap.")
        }
        "ce_schemaversion" => (number, "The version of the payload's schema."),
        "ce_hash" => (hash, "The hash of the event, which stands for the whole history up to it."),
        "ce_previoushash" => {
            (hash, "The hash of the event at the position before, perhaps in another topic, which this one chains to.")
        }
        "ce_metadata" => {
            (json!({ "contentMediaType": "application/json" }), "The metadata, byte for byte as it was hashed.")
        }
        "ce_correlationid" => (json!({}), "The correlation id in the metadata."),
        "ce_traceparent" => (json!({}), "The W3C trace parent in the metadata."),
        _ => (json!({}), ""),
    };
    let mut header = json!({ "type": "string", "description": description });
    if let (Value::Object(header), Value::Object(shape)) = (&mut header, shape) {
        header.extend(shape);
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_has_a_channel_with_its_messages() {
        let published = |category, event_type, schema_version| PublishedType { category, event_type, schema_version };
        let document = document([
            published("cart", "cart.opened", 1),
            published("cart", "cart.opened", 2),
            published("order", "order.held", 1),
        ]);
        assert_eq!(document["channels"]["cart"]["address"], "{prefix}.cart");
        let messages = document["channels"]["cart"]["messages"].as_object().unwrap();
        assert_eq!(messages.keys().collect::<Vec<_>>(), ["cart.opened.v1", "cart.opened.v2"]);
        assert_eq!(
            document["components"]["messages"]["order.held.v1"]["payload"]["$ref"],
            "./events/order.held.v1.json"
        );
        assert_eq!(document["operations"]["publish.order"]["channel"]["$ref"], "#/channels/order");
    }

    #[test]
    fn every_header_is_described() {
        let headers = headers();
        for name in HEADERS.iter().chain(&OPTIONAL_HEADERS) {
            let description = headers["properties"][name]["description"].as_str().unwrap();
            assert!(!description.is_empty(), "{name}");
        }
    }
}
