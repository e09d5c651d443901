//! Hostile documents, each refused in a moment, and documents that are not.

use std::{
    collections::BTreeSet,
    fmt::Write,
    time::{Duration, Instant},
};

use async_graphql::{
    Variables,
    parser::{
        parse_schema,
        types::{TypeKind, TypeSystemDefinition},
    },
};
use serde_json::json;

use super::{Checked, check, cost::CONNECTIONS};
use crate::{Request, refusal::Refusal, sdl};

/// How long a refusal may take, also in a build that is not optimised, on a busy machine.
const MOMENT: Duration = Duration::from_millis(50);

fn checked(query: &str) -> Result<Checked, Refusal> {
    check(query, None, &Variables::default(), true)
}

fn cost(query: &str) -> u64 {
    checked(query).map_err(|refusal| refusal.message).unwrap().cost
}

/// The words of a refusal that came in a moment: in one of three tries, because other tests run beside this one.
#[track_caller]
fn refused(query: &str) -> String {
    let mut fastest = Duration::MAX;
    let mut message = String::new();
    for _ in 0..3 {
        let begun = Instant::now();
        let Err(refusal) = checked(query) else { panic!("it was not refused: {query:.200}") };
        fastest = fastest.min(begun.elapsed());
        assert_eq!((refusal.status, refusal.code), (400, "validation_failed"));
        message = refusal.message;
    }
    assert!(fastest < MOMENT, "{message}: {fastest:?}");
    message
}

/// Each fragment spreads the next twice.
fn bomb(fragments: usize, inside: &str) -> String {
    let mut query = "{ ...f0 }".to_owned();
    for n in 0..fragments {
        write!(query, " fragment f{n} on Query {{ ...f{0} ...f{0} }}", n + 1).unwrap();
    }
    write!(query, " fragment f{fragments} on Query {{ {inside} }}").unwrap();
    query
}

/// `times` times the same, with its number.
fn repeated(times: usize, one: impl Fn(usize) -> String) -> String {
    (0..times).map(one).collect()
}

#[test]
fn fragments_are_not_expanded() {
    for inside in ["__typename", "product(id: 1) { id }", "__schema { types { name } }"] {
        let message = refused(&bomb(24, inside));
        assert!(message.contains("expand") || message.contains("times") || message.contains("root"), "{message}");
    }
    refused(&bomb(48, "__typename"));
}

#[test]
fn fragments_that_spread_themselves_are_refused() {
    for query in [
        "{ ...a } fragment a on Query { ...a }",
        "{ ...a } fragment a on Query { me { ...b } } fragment b on User { orders { edges { node { user { ...b } } } } }",
        "{ __typename } fragment a on Query { ...b } fragment b on Query { ...a }",
    ] {
        assert!(refused(query).contains("spreads itself"), "{query}");
    }
}

#[test]
fn too_many_tokens_are_refused_before_they_are_parsed() {
    assert!(refused(&format!("{{ {} }}", "__typename ".repeat(100_000))).contains("tokens"));
    assert!(refused(&format!("{{ {} }}", repeated(1_000_000, |_| "a ".to_owned()))).contains("tokens"));
    assert!(refused(&format!("{{ me(a: [{}]) {{ id }} }}", "1,".repeat(100_000))).contains("tokens"));
}

#[test]
fn directives_are_counted_wherever_they_stand() {
    let message = refused(&format!("query {} {{ __typename }}", "@a ".repeat(10_000)));
    assert!(message.contains("directives"));
    refused(&format!("{{ __typename {} }}", "@skip(if: false) ".repeat(21)));
    refused(&format!("query ($a: Int {}) {{ __typename }}", "@a ".repeat(21)));
    checked(&format!("{{ __typename {} }}", "@skip(if: false) ".repeat(20))).ok().unwrap();
}

#[test]
fn depth_is_bounded_and_fragments_add_none() {
    let deep = |depth: usize| format!("{}id{}", "me { ".repeat(depth - 1), " }".repeat(depth - 1));
    checked(&format!("{{ {} }}", deep(12))).ok().unwrap();
    assert!(refused(&format!("{{ {} }}", deep(13))).contains("deep"));
    refused(&format!("{{ {} }}", deep(100)));
    refused(&format!("{{ {} }}", deep(10_000)));
    refused(&"{".repeat(20_000));
    refused(&format!("{{ me(a: {}) }}", "[".repeat(10_000)));
    let inline = format!("{{ {}id{} }}", "... { ".repeat(40), " }".repeat(40));
    checked(&inline).ok().unwrap();
    let spread = format!("{{ ...a }} fragment a on Query {{ {} }}", deep(12));
    checked(&spread).ok().unwrap();
    refused(&format!("{{ me {{ ...a }} }} fragment a on User {{ {} }}", deep(12)));
}

#[test]
fn cost_is_that_of_the_contract() {
    for (query, expected) in [
        ("{ __typename }", 0),
        ("{ me { id name } }", 1),
        ("{ product(id: 1) { price { amount } } }", 2),
        ("{ products { edges { node { id } } } }", 20),
        ("{ products(first: 7) { edges { cursor node { id price { amount } } } pageInfo { hasNextPage } } }", 14),
        ("{ orders(first: 100) { edges { node { id user { id } items { product { id } } } } } }", 400),
        ("{ products(first: 100) { pageInfo { endCursor } } }", 100),
        ("{ products(first: null) { edges { node { id } } } }", 20),
        ("{ me { orders(first: 5) { edges { node { id } } } } }", 6),
        ("{ ...a ...a } fragment a on Query { me { id } }", 2),
        ("{ __schema { types { name fields { name } } } }", 0),
        ("mutation { login(email: 1, password: 1) { user { id } } }", 2),
    ] {
        assert_eq!(cost(query), expected, "{query}");
    }
}

#[test]
fn first_is_counted_wherever_it_comes_from() {
    let refusal = checked("{ products(first: 1000000) { edges { node { id } } } }").err().unwrap();
    assert_eq!(refusal.cost, Some(1_000_000));
    let nested = "{ users(first: 100) { edges { node { orders(first: 100) { edges { node { id } } } } } } }";
    assert_eq!(checked(nested).err().unwrap().cost, Some(10_100));
    let huge =
        "{ users(first: 18446744073709551615) { edges { node { orders(first: 9) { edges { node { id } } } } } } }";
    assert_eq!(checked(huge).err().unwrap().cost, Some(u64::MAX));

    let query = "query ($n: Int = 5) { products(first: $n) { edges { node { id } } } }";
    let with = |variables: serde_json::Value| check(query, None, &Variables::from_json(variables), true);
    assert_eq!(with(json!({})).ok().unwrap().cost, 5);
    assert_eq!(with(json!({"n": null})).ok().unwrap().cost, 20);
    assert_eq!(with(json!({"n": 2000})).ok().unwrap().cost, 2_000);
    assert_eq!(with(json!({"n": 2001})).err().unwrap().cost, Some(2_001));
}

#[test]
fn one_field_is_selected_thirty_times_at_most() {
    let aliases = |count| repeated(count, |n| format!("a{n}: me {{ id }} "));
    checked(&format!("{{ {} }}", aliases(30))).ok().unwrap();
    refused(&format!("{{ {} }}", aliases(31)));
    refused(&format!("{{ {} }}", aliases(1_000)));
    refused(&format!("{{ me {{ {} }} }}", repeated(1_000, |n| format!("a{n}: id "))));
    refused(&format!("{{ me {{ {} }} }}", "id ".repeat(31)));
    refused(&format!(
        "{{ ...a ...b }} fragment a on Query {{ {} }} fragment b on Query {{ me {{ id }} }}",
        aliases(30)
    ));
    let roots = format!("{{ {} {} }}", aliases(20), repeated(11, |n| format!("b{n}: __typename ")));
    assert!(refused(&roots).contains("root fields"));
}

#[test]
fn request_checks_one_secret_at_most() {
    let login = |n: usize| format!("a{n}: login(email: \"a@b.c\", password: \"x\") {{ token }} ");
    let one = checked(&format!("mutation {{ {} }}", login(0))).ok().unwrap();
    assert!(one.is_anonymous);
    refused(&format!("mutation {{ {} }}", repeated(2, login)));
    refused(&format!("mutation {{ {} }}", repeated(150, login)));
    refused(&format!(
        "mutation {{ {} ...a }} fragment a on Mutation {{ refresh(refreshToken: 1) {{ token }} }}",
        login(0)
    ));
    refused(&format!("mutation {{ {} signUp(input: 1) {{ id }} }}", login(0)));
    let mixed = checked(&format!("mutation {{ {} payOrder(id: 1) {{ id }} }}", login(0))).ok().unwrap();
    assert!(!mixed.is_anonymous);
}

#[test]
fn definitions_are_counted() {
    let fragments =
        |count| format!("{{ me {{ id }} }} {}", repeated(count, |n| format!("fragment f{n} on User {{ id }} ")));
    checked(&fragments(49)).ok().unwrap();
    assert!(refused(&fragments(50)).contains("definitions"));
    refused(&repeated(60, |n| format!("query q{n} {{ me {{ id }} }} ")));
}

#[test]
fn every_operation_is_held_against_the_limits() {
    let query = "query a { me { id } } query b { products(first: 3000) { edges { node { id } } } }";
    assert!(check(query, Some("a"), &Variables::default(), true).is_err());
    assert!(checked("query a { me { id } } query b { me { id } }").is_err(), "which of them is not said");
    let query = "query a { me { id } } query b { me { id orders { edges { node { id } } } } }";
    assert_eq!(check(query, Some("b"), &Variables::default(), true).ok().unwrap().cost, 21);
    assert!(check(query, Some("c"), &Variables::default(), true).is_err());
}

#[test]
fn schema_is_not_asked_for_in_production() {
    for query in [
        "{ __schema { types { name } } }",
        "{ a: __type(name: \"User\") { name } }",
        "{ ... { ...a } } fragment a on Query { __schema { types { name } } }",
    ] {
        assert!(check(query, None, &Variables::default(), false).is_err(), "{query}");
    }
    assert!(check("{ me { __typename } }", None, &Variables::default(), false).is_ok());
}

#[test]
fn junk_is_refused() {
    for junk in ["", "{", "}", "{}", "\"", "\"\"\"", "\\", "\u{0}", "{ me { id }", "#", "...", "{ a(b: \"\\u{1}\") }"] {
        assert!(checked(junk).is_err(), "{junk}");
    }
}

#[test]
fn tokens_in_strings_and_comments_are_none() {
    let text = "@{[( ".repeat(20_000);
    for query in [
        format!("{{ product(id: \"{text}\") {{ id }} }}"),
        format!("{{ product(id: \"\\\"{text}\") {{ id }} }}"),
        format!("{{ product(id: \"\"\"{text} \\\"\"\" \"\"\") {{ id }} }}"),
        format!("{{ me {{ id }} }} # {text}"),
    ] {
        assert_eq!(cost(&query), 1, "{query:.60}");
    }
}

#[test]
fn batches_are_refused_before_they_are_parsed() {
    let batch = format!("[{}]", vec!["{\"query\": \"{ __typename }\"}"; 1_000].join(","));
    let begun = Instant::now();
    assert!(Request::from_json(batch.as_bytes()).unwrap_err().message.contains("batches"));
    assert!(begun.elapsed() < MOMENT);
}

#[test]
fn connections_are_those_of_the_schema() {
    let mut names = BTreeSet::new();
    for definition in parse_schema(sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let TypeKind::Object(object) = definition.node.kind else { continue };
        let fields = object.fields.into_iter().map(|field| field.node);
        let connections =
            fields.filter(|field| field.ty.node.to_string().trim_end_matches('!').ends_with("Connection"));
        names.extend(connections.map(|field| field.name.node.to_string()));
    }
    assert_eq!(names, CONNECTIONS.map(str::to_owned).into_iter().collect());
}
