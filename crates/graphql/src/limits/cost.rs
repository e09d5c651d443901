//! What fields cost: objects 1, scalars 0, and a connection its `first` times its node.

use std::convert::Infallible;

use async_graphql::{
    Name, Value, Variables,
    parser::types::{Field, OperationDefinition},
};

/// The fields that are connections. A test compares them with the schema.
pub(super) const CONNECTIONS: [&str; 3] = ["orders", "products", "users"];

/// The objects of a connection that are no nodes.
const FREE: [&str; 2] = ["edges", "pageInfo"];

/// The default of `first`.
const DEFAULT_FIRST: u64 = 20;

/// What a field costs whose selection costs so much.
pub(super) fn cost_of(
    field: &Field,
    selection: u64,
    operation: Option<&OperationDefinition>,
    variables: &Variables,
) -> u64 {
    let name = field.name.node.as_str();
    if field.selection_set.node.items.is_empty() {
        0
    } else if CONNECTIONS.contains(&name) {
        // A part of a list is read even if none of its nodes is shown.
        first_of(field, operation, variables).saturating_mul(selection.max(1))
    } else if FREE.contains(&name) {
        selection
    } else {
        selection.saturating_add(1)
    }
}

/// What `first` is, or 0 for what is no number: that is refused when the field is read.
fn first_of(field: &Field, operation: Option<&OperationDefinition>, variables: &Variables) -> u64 {
    let Some(argument) = field.get_argument("first") else { return DEFAULT_FIRST };
    let value = |name: Name| Ok::<_, Infallible>(variable(&name, operation, variables));
    match argument.node.clone().into_const_with(value) {
        Ok(Value::Number(number)) => number.as_u64().unwrap_or_default(),
        Ok(Value::Null) => DEFAULT_FIRST,
        _ => 0,
    }
}

/// The value of a variable: null if it has none.
fn variable(name: &Name, operation: Option<&OperationDefinition>, variables: &Variables) -> Value {
    if let Some(value) = variables.get(name) {
        return value.clone();
    }
    let mut declared = operation.into_iter().flat_map(|operation| &operation.variable_definitions);
    let declared = declared.find(|declared| declared.node.name.node == *name);
    let default = declared.and_then(|declared| declared.node.default_value.as_ref());
    default.map_or(Value::Null, |default| default.node.clone())
}
