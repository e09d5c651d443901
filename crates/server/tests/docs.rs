//! Every public item has a doc comment. Fields and variants may have none, where it would only repeat their name; the lint
//! `missing_docs` cannot tell them from other items.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, ImplItem, Item, ItemImpl, ItemMod, ItemTrait, TraitItem, Visibility,
    visit::{self, Visit},
};

/// The Rust files of all crates, without their tests. In `contract`, each function is a test case, which its name describes.
fn sources() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> =
        folders.filter(|folder| !folder.ends_with("contract")).map(|folder| folder.join("src")).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

/// Collects public items without a doc comment.
#[derive(Default)]
struct Undocumented(BTreeSet<String>);

impl Undocumented {
    fn check(&mut self, visibility: &Visibility, attributes: &[Attribute], name: &impl ToString) {
        if matches!(visibility, Visibility::Public(_)) && !has(attributes, "doc") {
            self.0.insert(name.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Undocumented {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Enum(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Fn(item) => self.check(&item.vis, &item.attrs, &item.sig.ident),
            Item::Static(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Struct(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Trait(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Type(item) => self.check(&item.vis, &item.attrs, &item.ident),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !has(&module.attrs, "cfg") {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, implementation: &'ast ItemImpl) {
        for item in &implementation.items {
            match item {
                ImplItem::Const(item) => self.check(&item.vis, &item.attrs, &item.ident),
                ImplItem::Fn(item) => self.check(&item.vis, &item.attrs, &item.sig.ident),
                _ => {}
            }
        }
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        for method in &item.items {
            if let TraitItem::Fn(method) = method {
                self.check(&item.vis, &method.attrs, &method.sig.ident);
            }
        }
    }
}

#[test]
fn public_items_have_docs() {
    let mut missing = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        let mut undocumented = Undocumented::default();
        undocumented.visit_file(&parsed);
        missing.extend(undocumented.0.into_iter().map(|name| format!("{}: {name}", file.display())));
    }
    assert!(missing.is_empty(), "without a doc comment: {missing:#?}");
}
