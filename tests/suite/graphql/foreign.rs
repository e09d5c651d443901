//! What belongs to others stays with them, through every field of the schema.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{ask, data, error};
use crate::start;

const SCHEMA: &str = "{ __schema { types { name kind
    fields { name args { name type { ...ref } defaultValue } type { ...ref } }
    inputFields { name type { ...ref } } enumValues { name } } } }
    fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The types of the schema by name.
struct Schema(BTreeMap<String, Value>);

/// The name of a type without its lists and exclamation marks.
fn bare(of: &Value) -> &str {
    if of["ofType"].is_null() { of["name"].as_str().unwrap_or_default() } else { bare(&of["ofType"]) }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn each<'v>(of: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    of[list].as_array().into_iter().flatten()
}

impl Schema {
    /// Everything that can be selected of a type, into each other type once.
    fn selection(&self, name: &str, path: &mut Vec<String>) -> Option<String> {
        let of = self.0.get(name)?;
        if of["kind"] != "OBJECT" {
            return Some(String::new());
        }
        if path.iter().any(|known| known == name) {
            return None;
        }
        path.push(name.to_owned());
        let fields = each(of, "fields").filter_map(|field| {
            let first = if each(field, "args").any(|arg| arg["name"] == "first") { "(first: 2)" } else { "" };
            let inner = self.selection(bare(&field["type"]), path)?;
            Some(format!("{}{first} {inner}", field["name"].as_str()?))
        });
        let fields: Vec<_> = fields.collect();
        path.pop();
        Some(format!("{{ {} }}", fields.join(" ")))
    }

    /// A value that an argument may have.
    fn sample(&self, of: &Value) -> Value {
        match of["kind"].as_str() {
            Some("NON_NULL") => self.sample(&of["ofType"]),
            Some("LIST") => json!([self.sample(&of["ofType"])]),
            _ => match bare(of) {
                "Int" => json!(1),
                "Boolean" => json!(true),
                "DateTime" => json!("2026-11-28T14:29:28Z"),
                name => match self.0.get(name) {
                    Some(of) if of["kind"] == "INPUT_OBJECT" => {
                        let fields = each(of, "inputFields").filter(|field| field["type"]["kind"] == "NON_NULL");
                        fields
                            .map(|field| (field["name"].as_str().unwrap().to_owned(), self.sample(&field["type"])))
                            .collect()
                    }
                    Some(of) if of["kind"] == "ENUM" => of["enumValues"][0]["name"].clone(),
                    _ => json!("sample"),
                },
            },
        }
    }

    /// Calls a field with what it needs and this identifier in this argument. Returns the document and its variables.
    fn document(&self, root: &str, field: &Value, foreign: &str, id: &str) -> (String, Value) {
        let is_sent = |arg: &&Value| arg["type"]["kind"] == "NON_NULL" || arg["name"] == foreign;
        let sent: Vec<_> = each(field, "args").filter(is_sent).collect();
        let declared: Vec<_> =
            sent.iter().map(|arg| format!("${}: {}", text(&arg["name"]), written(&arg["type"]))).collect();
        let given: Vec<_> = sent.iter().map(|arg| format!("{0}: ${0}", text(&arg["name"]))).collect();
        let value = |arg: &Value| if arg["name"] == foreign { json!(id) } else { self.sample(&arg["type"]) };
        let values = sent.iter().map(|arg| (text(&arg["name"]).to_owned(), value(arg))).collect();
        let selection = self.selection(bare(&field["type"]), &mut Vec::new()).unwrap_or_default();
        let (operation, name) = (root.to_lowercase(), text(&field["name"]));
        let (declared, given) = (declared.join(", "), given.join(", "));
        (format!("{operation} ({declared}) {{ {name}({given}) {selection} }}"), values)
    }
}

/// How a type is written.
fn written(of: &Value) -> String {
    match of["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", written(&of["ofType"])),
        Some("LIST") => format!("[{}]", written(&of["ofType"])),
        _ => bare(of).to_owned(),
    }
}

#[tokio::test]
async fn identifiers_of_others_give_nothing_through_any_field() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let eve = server.customer("eve@example.com").await?;
    let mug = staff.product("MUG", 295, 10).await?;
    let order = ada.order(&mug, 1).await?.expect(201).id();
    let found = data(ask(&eve, 200, SCHEMA, Value::Null).await?);
    let types =
        each(&found["__schema"], "types").map(|of| (of["name"].as_str().unwrap_or_default().to_owned(), of.clone()));
    let schema = Schema(types.collect());
    let tells = |answer: &Value| {
        let text = answer.to_string();
        ["ada@example.com", &format!("\"{order}\""), &format!("\"{}\"", ada.id())].iter().any(|of| text.contains(of))
    };

    let (mut with_id, mut without) = (0, 0);
    for root in ["Query", "Mutation"] {
        for field in each(&schema.0[root], "fields") {
            let name = field["name"].as_str().context("no name")?;
            let args: Vec<_> = each(field, "args").collect();
            let selection = schema.selection(bare(&field["type"]), &mut Vec::new()).unwrap_or_default();
            let ids = args.iter().filter(|arg| bare(&arg["type"]) == "ID").map(|arg| text(&arg["name"]));
            for foreign in ids {
                for id in [order.as_str(), ada.id()] {
                    let (document, values) = schema.document(root, field, foreign, id);
                    let answer = ask(&eve, 200, &document, values).await?;
                    assert!(["not_found", "forbidden"].contains(&error(&answer).0), "{name}: {answer}");
                    assert!(answer["data"][name].is_null() && !tells(&answer), "{name}: {answer}");
                    with_id += 1;
                }
            }
            if root == "Query" && args.iter().all(|arg| arg["type"]["kind"] != "NON_NULL") {
                let first = if args.iter().any(|arg| arg["name"] == "first") { "(first: 2)" } else { "" };
                let answer = ask(&eve, 200, &format!("{{ {name}{first} {selection} }}"), Value::Null).await?;
                assert!(!tells(&answer), "{name}: {answer}");
                without += 1;
            }
        }
    }
    assert!(with_id >= 20 && without >= 4, "{with_id} {without}");
    assert_eq!(ada.get(&format!("/orders/{order}")).await?.data()["status"], "pending");
    Ok(())
}
