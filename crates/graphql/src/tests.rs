//! Holds the schema against its file, and the limits against the schema.

use crate::sdl;

#[test]
fn schema_is_the_one_that_is_checked_in() {
    let known = include_str!("../schema.graphql");
    assert!(sdl() == known, "run `cargo run -- graphql-schema > crates/graphql/schema.graphql`; it is:\n{}", sdl());
}

#[test]
fn enum_values_and_defaults_are_those_of_the_contract() {
    let sdl = sdl().split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [
        "first: Int = 20, after: String ): ProductConnection!",
        "first: Int = 20, after: String ): UserConnection!",
        "first: Int = 20, after: String ): OrderConnection!",
        "orders(first: Int = 20, after: String): OrderConnection!",
        " pending ",
        " customer ",
        "enum Role {",
        "scalar DateTime",
        "updateProduct( id: ID!, input: UpdateProductInput!,",
    ] {
        assert!(sdl.contains(text), "{text} is not in:\n{sdl}");
    }
}
