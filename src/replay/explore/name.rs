//! What a recording's folder is called: by what it shows, in the flow's own names and without numbers of steps, which an edit
//! changes.

use crate::replay::coverage::{Kind, Planned};

/// Letters of what a step is about.
const ABOUT: usize = 32;

/// `billing-closed`, `start-account-else`, `account-try-2-silent`.
pub fn of(planned: &Planned) -> String {
    let (of, part) = planned.item.parts();
    let block = of.split(':').next().unwrap_or(of);
    match planned.item.kind {
        Kind::Steps => slug(&[block, &planned.what]),
        Kind::Exits | Kind::Escapes => {
            let mut about = planned.what.split(' ').skip(1).collect::<Vec<_>>().join(" ");
            if about.is_empty() {
                about.clone_from(&planned.what);
            }
            slug(&[block, if about == block { "" } else { &about }, part])
        }
        Kind::Always | Kind::Tries | Kind::Sources | Kind::Lookups | Kind::Prompts => slug(&[of, part]),
    }
}

/// Small letters and figures, joined by hyphens.
fn slug(words: &[&str]) -> String {
    let word = |word: &&str| {
        let letters = word.to_lowercase();
        let parts = letters.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        let mut slug = String::new();
        for part in parts {
            if !slug.is_empty() && slug.len() + part.len() >= ABOUT {
                break;
            }
            slug += if slug.is_empty() { "" } else { "-" };
            slug += part;
        }
        slug
    };
    words.iter().map(word).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}
