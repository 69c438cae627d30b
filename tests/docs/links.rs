//! Links between the pages lead somewhere: to a file that is there, and to a heading of it.

use crate::{read, root};
use regex_lite::Regex;
use std::path::{Path, PathBuf};

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#]*)(?:#([^)]*))?\)").expect("a pattern");
    let mut followed = 0;
    for page in pages() {
        for found in link.captures_iter(&read(&page)) {
            let (to, heading) = (&found[1], found.get(2).map(|heading| heading.as_str()));
            if to.contains("://") {
                continue;
            }
            let at = if to.is_empty() { root().join(&page) } else { root().join(&page).with_file_name("").join(to) };
            assert!(at.exists(), "{}: {to}", page.display());
            if let Some(heading) = heading {
                let anchors: Vec<String> = read(&at).lines().filter_map(anchor).collect();
                assert!(anchors.iter().any(|anchor| anchor == heading), "{}: {to}#{heading}", page.display());
            }
            followed += 1;
        }
    }
    assert!(followed > 60, "{followed}");
}

fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/coming-from"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                pages.push(Path::new(folder).join(name));
            }
        }
    }
    pages
}

/// `## A storm switch` is `#a-storm-switch`.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
}
