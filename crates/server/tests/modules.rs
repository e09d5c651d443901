//! No two modules of a crate import each other.
//!
//! A module here is a file. Siblings are the files and folders that are declared in the same place: all first-level
//! modules of a crate, and all modules of one folder. What is inside a folder counts as the folder where folders are
//! compared: `order/place/batch.rs` that names `crate::product` is an import of `product` by `order`. A name is followed
//! through re-exports (`pub use`) to the file that defines it.
//!
//! A module and its own children may know each other: `order/mod.rs` re-exports what `order/place.rs` defines, and that
//! file uses `super::Order`. This is how Rust's folders are. Modules of tests (`#[cfg(test)]`) are left out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::MetadataCommand;
use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Item, ItemMod, ItemUse, Macro, UseTree, Visibility,
    visit::{self, Visit},
};

/// One file, and what the modules written inside of it name.
#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    /// What is defined in the file.
    items: BTreeSet<String>,
    /// What `use` brings in under a name, as a path from the crate's root.
    names: BTreeMap<String, Vec<String>>,
    /// Modules of which everything is brought in.
    globs: Vec<Vec<String>>,
    /// Every path into the crate that is named, from its root.
    paths: Vec<Vec<String>>,
}

/// The files of one target, by their paths from its root: `[]` is `lib.rs`, `["order", "place"]` is `order/place.rs`.
#[derive(Default)]
struct Crate(BTreeMap<Vec<String>, Module>);

fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list().ok().filter(|list| list.path.is_ident("cfg"));
        list.is_some_and(|list| list.tokens.clone().into_iter().any(|token| token.to_string() == "test"))
    })
}

/// The file of `mod name;` where `folder` is that of the declaring module's children.
fn file_of(module: &ItemMod, folder: &Path) -> PathBuf {
    for attribute in &module.attrs {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("path")
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) = &pair.value
        {
            return folder.join(path.value());
        }
    }
    let name = module.ident.to_string();
    let file = folder.join(format!("{name}.rs"));
    if file.exists() { file } else { folder.join(name).join("mod.rs") }
}

impl Crate {
    fn read(root: &Path) -> Self {
        let mut all = Self::default();
        all.add(root, root.parent().unwrap(), Vec::new());
        all
    }

    /// Reads a file and those of its children, which are in `folder`.
    fn add(&mut self, file: &Path, folder: &Path, path: Vec<String>) {
        let syntax = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
        let mut module = Module::default();
        for item in &syntax.items {
            if let Item::Mod(child) = item
                && child.content.is_none()
                && !is_of_tests(&child.attrs)
            {
                let name = child.ident.to_string();
                let child_file = file_of(child, folder);
                let child_folder = match child_file.file_name() {
                    Some(name) if name == "mod.rs" => child_file.parent().unwrap().to_owned(),
                    _ => child_file.with_extension(""),
                };
                self.add(&child_file, &child_folder, [path.as_slice(), std::slice::from_ref(&name)].concat());
                module.children.insert(name);
            }
        }
        let mut reader = Reader { module, here: path.clone(), depth: path.len() };
        reader.visit_file(&syntax);
        self.0.insert(path, reader.module);
    }

    /// The file that defines what a path names. A name that was not found there is taken for one that a macro makes, unless
    /// the path is only `tried`: one of several that may lead there.
    fn definition(&self, path: &[String], tried: bool, hops: usize) -> Option<Vec<String>> {
        let mut at = 0;
        while at < path.len() && self.0.contains_key(&path[..=at]) {
            at += 1;
        }
        let (file, rest) = path.split_at(at);
        let module = &self.0[file];
        let Some(name) = rest.first().filter(|_| hops < 8) else { return Some(file.to_owned()) };
        if module.items.contains(name) {
            return Some(file.to_owned());
        }
        if let Some(named) = module.names.get(name) {
            return self.definition(&[named.as_slice(), &rest[1..]].concat(), tried, hops + 1);
        }
        let mut globs = module.globs.iter();
        let globbed = globs.find_map(|from| self.definition(&[from.as_slice(), rest].concat(), true, hops + 1));
        globbed.or_else(|| (!tried).then(|| file.to_owned()))
    }

    /// Which siblings import which, each with a file that does.
    fn imports(&self) -> BTreeMap<(Vec<String>, Vec<String>), Vec<String>> {
        let mut imports = BTreeMap::new();
        for (file, module) in &self.0 {
            for path in &module.paths {
                let Some(target) = self.definition(path, false, 0) else { continue };
                let common = file.iter().zip(&target).take_while(|(a, b)| a == b).count();
                if file.len() > common && target.len() > common {
                    imports.insert((file[..=common].to_vec(), target[..=common].to_vec()), file.clone());
                }
            }
        }
        imports
    }
}

/// Collects what a file names.
struct Reader {
    module: Module,
    /// The module that is read: the file's, or one inside of it.
    here: Vec<String>,
    /// How many of its names are the file's.
    depth: usize,
}

impl Reader {
    /// A path from the crate's root; none if it leads out of the crate.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = self.here.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" | "$crate" => (base, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {}
            child if self.here.len() == self.depth && self.module.children.contains(child) => {}
            _ => return None,
        }
        while let Some((first, behind)) = rest.split_first()
            && first == "super"
        {
            base.pop();
            rest = behind;
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn name(&mut self, path: &[String]) {
        self.module.paths.extend(self.absolute(path));
    }

    fn uses(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.uses(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.uses(tree, before);
                }
            }
            UseTree::Glob(_) => {
                // All of a parent is what tests and small files inside a file use.
                self.module.globs.extend(self.absolute(before));
                self.name(before);
            }
            UseTree::Name(name) if name.ident == "self" => self.brings(before.last().unwrap(), before),
            UseTree::Name(name) => self.brings(&name.ident.to_string(), &with(&name.ident)),
            UseTree::Rename(name) => self.brings(&name.rename.to_string(), &with(&name.ident)),
        }
    }

    fn brings(&mut self, name: &str, path: &[String]) {
        if let Some(path) = self.absolute(path) {
            self.module.names.insert(name.to_owned(), path.clone());
            self.module.paths.push(path);
        }
    }

    /// The paths in what a macro is given, which is no syntax yet.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Ident(ident) => {
                    self.name(&std::mem::replace(&mut path, vec![ident.to_string()]));
                    colons = 0;
                }
                other => {
                    self.name(&std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.name(&path);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.module.items.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if let Some((_, items)) = module.content.as_ref().filter(|_| !is_of_tests(&module.attrs)) {
            self.module.items.insert(module.ident.to_string());
            self.here.push(module.ident.to_string());
            for item in items {
                self.visit_item(item);
            }
            self.here.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_of_tests(&item.attrs) {
            self.uses(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.name(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, macro_call: &'ast Macro) {
        self.visit_path(&macro_call.path);
        self.tokens(macro_call.tokens.clone());
    }

    /// `pub(in super::super)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

#[test]
fn no_two_modules_import_each_other() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let mut circles = Vec::new();
    for package in metadata.workspace_packages() {
        for target in &package.targets {
            let krate = Crate::read(target.src_path.as_std_path());
            let imports = krate.imports();
            for ((one, other), file) in &imports {
                let Some(back) = imports.get(&(other.clone(), one.clone())).filter(|_| one < other) else { continue };
                let name = package.name.strip_prefix("entrepot-").unwrap();
                let (a, b) = (one.join("::"), other.join("::"));
                circles.push(format!("{name}: {a} <-> {b} (by {} and {})", file.join("::"), back.join("::")));
            }
        }
    }
    assert!(circles.is_empty(), "modules that import each other:\n{}", circles.join("\n"));
}
