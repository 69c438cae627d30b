//! "Did you mean": the known word that is nearest to a mistyped one.

/// The candidate within a third of the word's length (at least one edit), nearest first.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let most = (word.chars().count() / 3).max(1);
    let near = candidates.into_iter().map(|c| (distance(word, c), c)).filter(|(d, _)| *d <= most);
    near.min_by_key(|(d, _)| *d).map(|(_, c)| c)
}

/// Names shown where none is near.
const SHOWN: usize = 10;

/// The sentence for `nearest`, or the list of what there is.
pub fn suggestion<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(word, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if candidates.is_empty() => "there is none".to_owned(),
        None if candidates.len() > SHOWN => {
            format!("there is: {} and {} more", candidates[..SHOWN].join(", "), candidates.len() - SHOWN)
        }
        None => format!("there is: {}", candidates.join(", ")),
    }
}

/// Edits that turn `a` into `b`, letters compared without case; two neighbours swapped count as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows: [Vec<usize>; 3] = [Vec::new(), Vec::new(), (0..=b.len()).collect()];
    for i in 1..=a.len() {
        rows.rotate_left(1);
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[1][j] + 1).min(row[j - 1] + 1).min(rows[1][j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[0][j - 2] + 1);
            }
            row.push(least);
        }
        rows[2] = row;
    }
    rows[2][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let cases = [
            ("", "abc", 3),
            ("collect", "colect", 1),
            ("gtoo", "goto", 1),
            ("Say", "say", 0),
            ("kitten", "sitting", 3),
        ];
        for (a, b, edits) in cases {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        assert_eq!(nearest("accuont", ["amount", "account"]), Some("account"));
        assert_eq!(nearest("xyz", ["account"]), None);
        assert_eq!(suggestion("xyz", ["a", "b"]), "there is: a, b");
    }
}
