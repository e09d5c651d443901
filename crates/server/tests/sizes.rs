//! No file and no function is longer than a reader can keep in mind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Block, ImplItemFn, ItemFn, LitStr, Macro, Signature, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};

/// The most lines of a file.
const MAX_FILE_LINES: usize = 400;

/// The most lines of a function, from its signature to its closing brace. Lines of a text that goes over several lines,
/// like SQL, are not counted.
const MAX_FUNCTION_LINES: usize = 60;

/// Files that are too long today. This list shrinks: an entry that is not needed any more fails the test.
const LONG_FILES: [&str; 0] = [];

/// Functions that are too long today, by file. This list shrinks too.
const LONG_FUNCTIONS: [(&str, &str); 2] = [
    ("tests/suite/operations.rs", "openapi_document_has_every_route_and_is_printed_by_the_binary"),
    ("tests/tests/faults_postgres.rs", "frozen_postgres_is_a_bounded_503"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// All Rust files of the workspace.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![root().join("crates"), root().join("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort_unstable();
    files
}

fn name(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn no_file_is_too_long() {
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    let long: BTreeSet<_> =
        sources().iter().filter(|file| lines(file) >= MAX_FILE_LINES).map(|file| name(file)).collect();
    assert_eq!(long, LONG_FILES.into_iter().map(str::to_owned).collect(), "files of {MAX_FILE_LINES} lines or more");
}

/// Collects functions that are too long.
#[derive(Default)]
struct Lengths {
    long: BTreeSet<String>,
    /// Lines of texts that go over several lines, in the functions around.
    text: usize,
}

impl Lengths {
    fn function(&mut self, signature: &Signature, block: &Block) {
        let outer = std::mem::take(&mut self.text);
        self.visit_block(block);
        let lines = block.span().end().line - signature.span().start().line + 1;
        if lines - self.text >= MAX_FUNCTION_LINES {
            self.long.insert(signature.ident.to_string());
        }
        self.text += outer;
    }
}

impl<'ast> Visit<'ast> for Lengths {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(&function.sig, &function.block);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.function(&function.sig, &function.block);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.function(&function.sig, block);
        }
    }

    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.text += text.span().end().line - text.span().start().line;
    }

    fn visit_macro(&mut self, macro_call: &'ast Macro) {
        for token in macro_call.tokens.clone() {
            if let proc_macro2::TokenTree::Literal(literal) = token {
                self.text += literal.span().end().line - literal.span().start().line;
            }
        }
        visit::visit_macro(self, macro_call);
    }
}

#[test]
fn no_function_is_too_long() {
    let mut long = BTreeSet::new();
    for file in sources() {
        let mut lengths = Lengths::default();
        lengths.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        long.extend(lengths.long.into_iter().map(|function| (name(&file), function)));
    }
    let known = LONG_FUNCTIONS.map(|(file, function)| (file.to_owned(), function.to_owned()));
    assert_eq!(long, known.into_iter().collect(), "functions of {MAX_FUNCTION_LINES} lines or more");
}
