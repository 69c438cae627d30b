use super::*;
use crate::yaml::Diagnostic;

fn parse(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut faults = Faults::new("t.yaml");
    let node = read(&Source { path: "t.yaml".into(), text: text.into() }, &mut faults);
    (node, faults.into_list())
}

/// The leaves of a tree as `line:column text`, a quoted one in quotes.
fn leaves(node: &Node, out: &mut Vec<String>) {
    let Span { line, column, .. } = node.span;
    match &node.value {
        Value::Nothing => out.push(format!("{line}:{column} nothing")),
        Value::Scalar { text, quoted: true } => out.push(format!("{line}:{column} {text:?}")),
        Value::Scalar { text, quoted: false } => out.push(format!("{line}:{column} {text}")),
        Value::List(items) => items.iter().for_each(|item| leaves(item, out)),
        Value::Map(entries) => {
            for (key, value) in entries {
                out.push(format!("{}:{} {}:", key.span.line, key.span.column, key.text));
                leaves(value, out);
            }
        }
    }
}

#[test]
fn scalars_and_keys_keep_their_text_and_place() {
    let text = "a: 00123   # zeros stay\nb: yes\nc: [1.50, \"x y\", 'é', .nan]\n2: { d: ~ , é: plain text }\ne:\n\"q\": |\n  two\n  lines\n";
    let (node, faults) = parse(text);
    assert_eq!(faults, []);
    let mut found = Vec::new();
    leaves(&node.expect("valid"), &mut found);
    let expected = [
        "1:1 a:",
        "1:4 00123",
        "2:1 b:",
        "2:4 yes",
        "3:1 c:",
        "3:5 1.50",
        "3:11 \"x y\"",
        "3:18 \"é\"",
        "3:23 .nan",
        "4:1 2:",
        "4:6 d:",
        "4:9 nothing",
        "4:13 é:",
        "4:16 plain text",
        "5:1 e:",
        "5:2 nothing",
        "6:1 q:",
        "7:3 \"two\\nlines\\n\"",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_the_loader_refuses_itself() {
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let big = "x".repeat(MAX_BYTES + 1);
    let many = format!("[{}]", "1,".repeat(MAX_NODES));
    let cases: [(&str, &str, usize, usize); 15] = [
        ("a: &x 1\nb: *x\n", "anchor", 1, 4),
        ("a: 1\nb: *x\n", "anchor", 2, 4),
        ("a: 1\nb: 2\na: 3\n", "duplicate-key", 3, 1),
        ("a: {x: 1, x: 2}\n", "duplicate-key", 1, 11),
        ("<<: {a: 1}\n", "merge-key", 1, 1),
        ("a:\n  on: 1\n", "misread-key", 2, 3),
        ("a: [1\nb: 2\n", "yaml", 2, 2),
        ("a: !x 1\n", "yaml", 1, 7),
        ("a: 1\n---\nb: 1\n", "yaml", 2, 1),
        ("a: 1\nb: \"2\nc: 3\n", "yaml", 2, 4),
        ("a:\n  b: 1\n\tc: 2\n", "yaml", 3, 1),
        ("# Nothing.\n\n# At all.\n{", "yaml", 4, 1),
        (&deep, "too-deep", 1, 17),
        (&big, "too-big", 0, 0),
        (&many, "too-big", 1, 200_000),
    ];
    for (text, code, line, column) in cases {
        let (_, faults) = parse(text);
        let shown = text.get(..20).unwrap_or(text);
        let found: Vec<_> = faults.iter().map(|d| (d.code, d.span.line, d.span.column)).collect();
        assert_eq!(found, [(code, line, column)], "{shown}: {faults:?}");
    }
}

#[test]
fn a_duplicate_leaves_the_first_value_in_the_tree() {
    let (node, _) = parse("a: 1\na: 2\n");
    let mut found = Vec::new();
    leaves(&node.expect("readable"), &mut found);
    assert_eq!(found, ["1:1 a:", "1:4 1"]);
}
