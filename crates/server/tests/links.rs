//! Every link within the repository's pages leads somewhere.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The pages of the repository.
fn pages() -> Vec<PathBuf> {
    const NOT_OURS: [&str; 4] = ["target", "data", "node_modules", ".git"];
    let (mut folders, mut pages) = (vec![root()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !NOT_OURS.contains(&name.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The targets of the links in a text, less those in code.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split("](").skip(1).filter_map(|rest| rest.split(')').next())).collect()
}

/// The anchors of a page: its headings in lower case, with hyphens for spaces and no punctuation.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// Why a link of a page leads nowhere.
fn broken(page: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if !target.exists() {
        return Some(format!("{}: {link} is not there", page.display()));
    }
    let is_there = anchor.is_empty() || anchors(&fs::read_to_string(target).unwrap()).iter().any(|one| one == anchor);
    (!is_there).then(|| format!("{}: {link} has no such heading", page.display()))
}

#[test]
fn links_of_pages_lead_somewhere() {
    let mut seen = 0;
    let mut bad = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let links = links(&text);
        seen += links.len();
        bad.extend(links.into_iter().filter_map(|link| broken(&page, link)));
    }
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(seen > 30, "only {seen} links were found");
    let page = root().join("README.md");
    assert!(broken(&page, "crates/none.md").is_some() && broken(&page, "#no-such-heading").is_some());
}
