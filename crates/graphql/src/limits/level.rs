//! Walks through selections. Each fragment is measured once and remembered, so that fragments that spread each other take
//! no longer than their text.

use std::collections::{BTreeMap, HashMap};

use async_graphql::{
    Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};

use super::{MAX_FIELDS, cost::cost_of};
use crate::refusal::Refusal;

/// The most selections after all fragments were expanded.
const MAX_SELECTIONS: u64 = 20_000;

/// How deep selections of any kind may be nested after all fragments were expanded.
const MAX_RECURSION: u32 = 128;

/// What is selected of one object, its fragments included.
#[derive(Debug, Clone, Default)]
pub(super) struct Level<'d> {
    /// How often each field is selected.
    names: BTreeMap<&'d str, u32>,
    /// How deep its fields are nested.
    pub(super) depth: u32,
    pub(super) cost: u64,
    /// How many selections it has after all fragments were expanded.
    selections: u64,
    /// How deep selections of any kind are nested.
    nesting: u32,
}

impl<'d> Level<'d> {
    /// How many fields it has.
    pub(super) fn fields(&self) -> u32 {
        self.names.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Its only field.
    pub(super) fn only(&self) -> Option<&'d str> {
        let mut names = self.names.keys();
        names.next().copied().filter(|_| names.next().is_none())
    }

    /// How often this field is selected.
    pub(super) fn count(&self, name: &str) -> u32 {
        self.names.get(name).copied().unwrap_or_default()
    }

    /// Adds what a fragment selects.
    fn merge(&mut self, fragment: &Self) -> Result<(), Refusal> {
        for (name, count) in &fragment.names {
            let known = self.names.entry(name).or_default();
            *known = known.saturating_add(*count);
        }
        self.depth = self.depth.max(fragment.depth);
        self.cost = self.cost.saturating_add(fragment.cost);
        self.grow(fragment, 1)
    }

    fn grow(&mut self, inner: &Self, own: u64) -> Result<(), Refusal> {
        self.selections = self.selections.saturating_add(own).saturating_add(inner.selections);
        self.nesting = self.nesting.max(inner.nesting + 1);
        if self.selections > MAX_SELECTIONS || self.nesting > MAX_RECURSION {
            return Err(Refusal::limit("the fragments of the document expand to too much"));
        }
        Ok(())
    }

    /// Refuses what has one field too often. Of a fragment nothing is known before it is spread.
    fn check(&self) -> Result<(), Refusal> {
        match self.names.iter().find(|(_, count)| **count > MAX_FIELDS) {
            Some((name, _)) => Err(Refusal::limit(format!("{name} may be selected {MAX_FIELDS} times at most"))),
            None => Ok(()),
        }
    }
}

/// A walk through the document for one operation, whose variables have values.
pub(super) struct Walk<'d> {
    document: &'d ExecutableDocument,
    operation: Option<&'d OperationDefinition>,
    variables: &'d Variables,
    allow_introspection: bool,
    /// The fragments that were measured; `None` while one is being measured.
    fragments: HashMap<&'d str, Option<Level<'d>>>,
}

impl<'d> Walk<'d> {
    pub(super) fn new(
        document: &'d ExecutableDocument,
        operation: Option<&'d OperationDefinition>,
        variables: &'d Variables,
        allow_introspection: bool,
    ) -> Self {
        Self { document, operation, variables, allow_introspection, fragments: HashMap::new() }
    }

    /// Measures an operation.
    pub(super) fn operation(mut self, operation: &'d OperationDefinition) -> Result<Level<'d>, Refusal> {
        let level = self.level(&operation.selection_set.node)?;
        level.check()?;
        Ok(level)
    }

    /// Measures all fragments, also those that are not used.
    pub(super) fn fragments(mut self) -> Result<(), Refusal> {
        self.document.fragments.keys().try_for_each(|name| self.fragment(name.as_str()).map(drop))
    }

    fn level(&mut self, set: &'d SelectionSet) -> Result<Level<'d>, Refusal> {
        let mut level = Level::default();
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, &mut level)?,
                Selection::InlineFragment(fragment) => {
                    let inner = self.level(&fragment.node.selection_set.node)?;
                    level.merge(&inner)?;
                }
                Selection::FragmentSpread(spread) => {
                    level.merge(&self.fragment(spread.node.fragment_name.node.as_str())?)?;
                }
            }
        }
        Ok(level)
    }

    fn field(&mut self, field: &'d Field, level: &mut Level<'d>) -> Result<(), Refusal> {
        let name = field.name.node.as_str();
        let is_introspection = matches!(name, "__schema" | "__type");
        if is_introspection && !self.allow_introspection {
            return Err(Refusal::document("the schema cannot be asked for here"));
        }
        let inner = self.level(&field.selection_set.node)?;
        inner.check()?;
        *level.names.entry(name).or_default() += 1;
        level.grow(&inner, 1)?;
        // The standard query for the schema is deeper than others may be, and reads nothing.
        if is_introspection {
            level.depth = level.depth.max(1);
        } else {
            level.depth = level.depth.max(inner.depth + 1);
            let cost = cost_of(field, inner.cost, self.operation, self.variables);
            level.cost = level.cost.saturating_add(cost);
        }
        Ok(())
    }

    fn fragment(&mut self, name: &'d str) -> Result<Level<'d>, Refusal> {
        match self.fragments.get(name) {
            Some(Some(known)) => return Ok(known.clone()),
            Some(None) => return Err(Refusal::document(format!("the fragment {name} spreads itself"))),
            None => {}
        }
        let definition = self.document.fragments.iter().find(|(known, _)| known.as_str() == name);
        // One that is not defined is for validation to name.
        let Some((_, definition)) = definition else { return Ok(Level::default()) };
        self.fragments.insert(name, None);
        let level = self.level(&definition.node.selection_set.node)?;
        self.fragments.insert(name, Some(level.clone()));
        Ok(level)
    }
}
