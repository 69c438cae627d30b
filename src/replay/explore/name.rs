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
        Kind::Always | Kind::Hours | Kind::Tries | Kind::Sources | Kind::Lookups | Kind::Prompts => slug(&[of, part]),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::coverage::{Item, Place};

    #[test]
    fn names_say_what_is_shown_and_no_number_of_a_step() {
        let cases = [
            (Kind::Steps, "m.who:3", "lookup crm", "m-who-lookup-crm"),
            (Kind::Exits, "billing:1:closed", "agent billing", "billing-closed"),
            (Kind::Exits, "start:8:to.sales", "route reason", "start-reason-to-sales"),
            (
                Kind::Exits,
                "start:4:then",
                "if closed(office) and reason == 'Sales'",
                "start-closed-office-and-reason-sales-then",
            ),
            (Kind::Exits, "bye:2:hangup", "hangup", "bye-hangup-hangup"),
            (Kind::Escapes, "start:2:escape", "collect account", "start-account-escape"),
            (Kind::Tries, "account try 2 silent", "", "account-try-2-silent"),
            (Kind::Sources, "account from lookup:crm", "", "account-from-lookup-crm"),
        ];
        for (kind, name, what, folder) in cases {
            let (at, what) = (Place { path: "f.yaml".to_owned(), line: 1 }, what.to_owned());
            let planned = Planned { item: Item::new(kind, name), at, block: None, what, beyond: None };
            assert_eq!(of(&planned), folder);
        }
    }
}
