//! `/openapi.json` against the table and the list that it is made from (SPEC 15.2).

mod common;

use std::collections::BTreeSet;

use common::TestServer;
use portal_core::catalogue;
use portal_server::http::openapi::document;
use portal_server::http::routes::{ROUTES, Route, Verb};
use serde_json::Value;

/// What is served and is no line of the table.
const OTHERS: [(&str, &str); 5] = [
    ("post", "/v1/op/{name}"),
    ("get", "/v1/portal/status"),
    ("get", "/health"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
];

fn place(route: &Route) -> (&'static str, String) {
    let method = match route.verb {
        Verb::Get => "get",
        Verb::Post => "post",
    };
    let path = route.path.split('?').next().unwrap().replace('#', "");
    (method, format!("/v1/{path}"))
}

/// Every method and path of the document.
fn described(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    all
}

fn names(value: &Value) -> BTreeSet<String> {
    let fields = value.as_object().map(|fields| fields.keys().cloned());
    fields.into_iter().flatten().collect()
}

#[test]
fn it_describes_every_path_and_no_other_spec_15_2() {
    let document = document();
    let described: BTreeSet<_> = described(&document)
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    let others = OTHERS.map(|(method, path)| (method.to_owned(), path.to_owned()));
    let there_are: BTreeSet<_> = ROUTES
        .iter()
        .map(place)
        .map(|(method, path)| (method.to_owned(), path))
        .chain(others)
        .collect();
    assert_eq!(described, there_are);
}

#[test]
fn a_path_takes_exactly_what_its_operation_takes() {
    let document = document();
    for route in ROUTES {
        let (method, path) = place(route);
        let operation = &document["paths"][&path][method];
        let mut given: Vec<String> = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let in_path = path.contains(&format!("{{{name}}}"));
            assert_eq!(
                parameter["in"],
                if in_path { "path" } else { "query" },
                "{path}"
            );
            assert!(!in_path || parameter["required"] == true, "{path}: {name}");
            let number = route.path.contains(&format!("{name}#"));
            let kind = &parameter["schema"]["type"];
            let by_name = parameter["schema"]["$ref"].is_string();
            assert!(
                by_name || (kind == "integer") == number,
                "{path}: {parameter}"
            );
            given.push(name.to_owned());
        }
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        given.extend(names(&body["properties"]));
        assert!(
            body.is_null() || body["additionalProperties"] == false,
            "{path}"
        );
        let entry = catalogue::find(route.operation).unwrap();
        let takes = entry.parameters().to_value();
        let distinct: BTreeSet<_> = given.iter().cloned().collect();
        assert_eq!(distinct.len(), given.len(), "{path} takes something twice");
        let all = names(&takes["properties"]);
        if route.verb == Verb::Post {
            assert_eq!(distinct, all, "{path}");
        } else {
            // What may be left out need not be in the address: `users/me` is about nobody else.
            let required = takes["required"].as_array().into_iter().flatten();
            let mut required = required.filter_map(Value::as_str);
            assert!(distinct.is_subset(&all), "{path}");
            assert!(required.all(|name| distinct.contains(name)), "{path}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_id_is_there_once() {
    fn references(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(path) = fields.get("$ref").and_then(Value::as_str) {
                    into.insert(path.to_owned());
                }
                fields.values().for_each(|value| references(value, into));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, into)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    let schemas = names(&document["components"]["schemas"]);
    let kept: BTreeSet<_> = schemas
        .iter()
        .map(|name| format!("#/components/schemas/{name}"))
        .collect();
    assert_eq!(found, kept, "what is referred to, and what is there");

    let described = described(&document);
    let ids: BTreeSet<_> = described
        .iter()
        .map(|(.., operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), described.len());
    let tags = document["tags"].as_array().unwrap();
    let tags: BTreeSet<_> = tags
        .iter()
        .map(|tag| &tag["name"])
        .map(Value::to_string)
        .collect();
    for (_, path, operation) in &described {
        assert!(tags.contains(&operation["tags"][0].to_string()), "{path}");
    }
}

#[test]
fn an_operation_says_every_error_that_its_own_words_name_spec_13_1() {
    let document = document();
    for route in ROUTES {
        let (method, path) = place(route);
        let responses = &document["paths"][&path][method]["responses"];
        let doc = catalogue::find(route.operation).unwrap().doc();
        for kind in portal_core::ErrorKind::ALL {
            let code = format!("`{}`", kind.code());
            let response = &responses[kind.http().to_string()];
            assert!(
                !doc.contains(&code)
                    || response["description"]
                        .as_str()
                        .is_some_and(|said| said.contains(&code)),
                "{path}: {code}"
            );
        }
        for (status, response) in responses.as_object().unwrap() {
            let schema = &response["content"]["application/json"]["schema"];
            let refused = schema["$ref"] == "#/components/schemas/Error";
            assert_eq!(refused, status != "200", "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn it_is_served_to_everybody() {
    let server = TestServer::start().await;
    let answer = server.get(None, "/openapi.json").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    let document = answer.ok();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document, portal_server::http::openapi::document());
    let answer = server.ask("POST", "/openapi.json", &[], "").await;
    answer.refused(405, "ERR_METHOD_NOT_ALLOWED");
    assert_eq!(answer.headers["allow"], "GET, HEAD");
}
