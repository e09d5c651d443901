//! What is refused before anything is validated, expanded or run. async-graphql expands fragments before its own limits
//! apply, and its complexity knows no `first`.

mod cost;
mod level;
#[cfg(test)]
mod tests;
mod tokens;

use async_graphql::{
    Variables,
    parser::{
        parse_query,
        types::{ExecutableDocument, OperationDefinition, OperationType, Selection},
    },
};

use self::level::{Level, Walk};
use crate::refusal::Refusal;

/// The most operations and fragments of a document.
const MAX_DEFINITIONS: usize = 50;

/// How deep fields may be nested. Fragments add no depth.
const MAX_DEPTH: u32 = 12;

/// The greatest cost of an operation.
const MAX_COST: u64 = 2_000;

/// The most root fields of an operation, and of one field beside each other.
const MAX_FIELDS: u32 = 30;

/// The mutations that check a secret. Each counts against a limit of its own, and a request has one of them at most.
const SECRET_FIELDS: [&str; 3] = ["login", "refresh", "signUp"];

/// The mutations that nobody needs to be logged in for.
const ANONYMOUS_FIELDS: [&str; 4] = ["login", "logout", "refresh", "signUp"];

/// A document within the limits.
pub(crate) struct Checked {
    pub(crate) document: ExecutableDocument,
    /// The type of the operation that is asked for.
    pub(crate) operation: OperationType,
    /// Its only root field; `several` if there are more.
    pub(crate) field: String,
    /// What it costs.
    pub(crate) cost: u64,
    /// Whether it only opens or ends sessions, so that the caller's own credentials do not matter.
    pub(crate) is_anonymous: bool,
}

/// Parses a document and holds it against the limits.
pub(crate) fn check(
    query: &str,
    operation_name: Option<&str>,
    variables: &Variables,
    allow_introspection: bool,
) -> Result<Checked, Refusal> {
    tokens::check(query)?;
    let document = parse_query(query).map_err(|error| Refusal::document(error.to_string()))?;
    let definitions = document.operations.iter().len() + document.fragments.len();
    if definitions > MAX_DEFINITIONS {
        return Err(Refusal::limit(format!("the document may have {MAX_DEFINITIONS} definitions at most")));
    }
    // async-graphql validates all operations and fragments, also those that it does not run.
    Walk::new(&document, None, variables, allow_introspection).fragments()?;
    let mut asked = None;
    for (name, operation) in document.operations.iter() {
        let operation = &operation.node;
        let level = Walk::new(&document, Some(operation), variables, allow_introspection).operation(operation)?;
        let is_asked = operation_name.is_none_or(|asked| name.is_some_and(|name| name.as_str() == asked));
        if is_asked {
            if asked.is_some() {
                return Err(Refusal::document("the document has several operations; operationName must name one"));
            }
            let (kind, cost, is_anonymous) = judge(operation, &level)?;
            asked = Some((kind, level.only().unwrap_or("several").to_owned(), cost, is_anonymous));
        } else {
            judge(operation, &level)?;
        }
    }
    let Some((operation, field, cost, is_anonymous)) = asked else {
        return Err(Refusal::document("the document has no operation of this name"));
    };
    Ok(Checked { document, operation, field, cost, is_anonymous })
}

/// Refuses an operation beyond the limits. Returns its type, its cost and whether it is anonymous.
fn judge(operation: &OperationDefinition, level: &Level<'_>) -> Result<(OperationType, u64, bool), Refusal> {
    if level.depth > MAX_DEPTH {
        return Err(Refusal::limit(format!("fields may be nested {MAX_DEPTH} deep at most")).with_cost(level.cost));
    }
    if level.cost > MAX_COST {
        let message = format!("the operation costs {}, and may cost {MAX_COST} at most", level.cost);
        return Err(Refusal::limit(message).with_cost(level.cost));
    }
    if level.fields() > MAX_FIELDS {
        return Err(Refusal::limit(format!("an operation may have {MAX_FIELDS} root fields at most")));
    }
    if operation.ty == OperationType::Subscription && !follows_one_field(operation) {
        return Err(Refusal::document("a subscription must select one field, and not by a fragment"));
    }
    let is_mutation = operation.ty == OperationType::Mutation;
    if is_mutation && SECRET_FIELDS.iter().map(|name| level.count(name)).sum::<u32>() > 1 {
        let message = "a request may have one of login, refresh and signUp, once";
        return Err(Refusal::limit(message));
    }
    let anonymous = ANONYMOUS_FIELDS.iter().map(|name| level.count(name)).sum::<u32>();
    Ok((operation.ty, level.cost, is_mutation && anonymous == level.fields()))
}

/// async-graphql ignores fragments here, and follows several fields at once, which no client expects.
fn follows_one_field(operation: &OperationDefinition) -> bool {
    matches!(operation.selection_set.node.items.as_slice(), [only] if matches!(only.node, Selection::Field(_)))
}
