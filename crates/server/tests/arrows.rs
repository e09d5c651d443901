//! The arrows between crates point inwards.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Which of our crates each of our crates may know, tests aside.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("application", &["domain"]),
    ("cached", &["domain"]),
    ("event-json", &["domain"]),
    ("sqlite", &["domain", "event-json"]),
    ("mail", &["domain"]),
    ("memory", &["domain"]),
    ("postgres", &["domain", "event-json"]),
    ("redis", &["domain"]),
    ("security", &["domain"]),
    ("telemetry", &["domain"]),
    ("transport", &[]),
    ("api", &["application", "domain"]),
    ("graphql", &["api", "application", "domain", "event-json"]),
    ("http", &["api", "application", "domain", "event-json", "graphql"]),
    ("webhook", &["domain", "event-json"]),
    ("worker", &["application", "domain"]),
    (
        "server",
        &[
            "application",
            "cached",
            "domain",
            "graphql",
            "http",
            "mail",
            "memory",
            "postgres",
            "redis",
            "security",
            "sqlite",
            "telemetry",
            "transport",
            "webhook",
            "worker",
        ],
    ),
    ("contract", &["domain", "testkit"]),
    ("testkit", &["domain"]),
    ("tests", &["testkit"]),
];

/// What the inside must not know, however far down.
const OUTSIDE: [&str; 9] =
    ["diesel", "actix", "fred", "tokio", "serde_json", "reqwest", "utoipa", "jsonwebtoken", "bcrypt"];

/// What the inside must not use itself, though a library that it uses may.
const NOT_DIRECTLY: [&str; 2] = ["serde", "postcard"];

fn metadata() -> Metadata {
    MetadataCommand::new().exec().unwrap()
}

/// The normal dependencies of each package, by the names they have in their own manifests.
fn edges(metadata: &Metadata) -> BTreeMap<&PackageId, Vec<&PackageId>> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let normal = |dep: &&cargo_metadata::NodeDep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
    nodes.iter().map(|node| (&node.id, node.deps.iter().filter(normal).map(|dep| &dep.pkg).collect())).collect()
}

#[test]
fn each_crate_knows_only_what_is_further_in() {
    let metadata = metadata();
    let edges = edges(&metadata);
    for package in metadata.workspace_packages() {
        let name = package.name.strip_prefix("entrepot-").unwrap();
        let (_, allowed) = ARROWS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("no arrow was drawn for the crate {name}"));
        for dependency in &edges[&package.id] {
            let dependency = &metadata[*dependency].name;
            if let Some(ours) = dependency.strip_prefix("entrepot-") {
                assert!(allowed.contains(&ours), "{name} must not know {ours}");
            }
        }
    }
}

#[test]
fn inner_crates_depend_on_no_engine_and_no_protocol() {
    let metadata = metadata();
    let edges = edges(&metadata);
    for inside in ["entrepot-domain", "entrepot-application"] {
        let root = metadata.packages.iter().find(|package| package.name.as_str() == inside).unwrap();
        for dependency in &edges[&root.id] {
            let name = &metadata[*dependency].name;
            assert!(!NOT_DIRECTLY.iter().any(|outside| name.starts_with(outside)), "{inside} uses {name}");
        }
        let mut seen = BTreeSet::new();
        let mut todo = vec![&root.id];
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                todo.extend(&edges[id]);
            }
        }
        for id in seen {
            let name = &metadata[id].name;
            assert!(!OUTSIDE.iter().any(|outside| name.starts_with(outside)), "{inside} knows {name}");
        }
    }
}

#[test]
fn transport_knows_no_routes_and_no_json() {
    let metadata = metadata();
    let edges = edges(&metadata);
    let transport = metadata.packages.iter().find(|package| package.name.as_str() == "entrepot-transport").unwrap();
    for dependency in &edges[&transport.id] {
        let name = &metadata[*dependency].name;
        assert!(!["actix-web", "serde", "serde_json", "utoipa"].contains(&name.as_str()), "transport knows {name}");
    }
}
