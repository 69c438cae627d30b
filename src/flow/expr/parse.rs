//! From the text of a condition to an `Expr`: `or`, then `and`, then `not`, then one comparison or call.

use super::{Expr, Op, Operand};
use crate::audio::spoken;
use crate::context::Class;
use crate::flow::fact::Kind;
use crate::flow::load::Loading;
use crate::flow::load::limits::{MAX_DEPTH, MAX_TOKENS};
use crate::yaml::near::suggestion;
use crate::yaml::{Node, Span, Value, Word};

/// Reads a condition; what is wrong is reported at its place within the text.
pub fn parse(node: &Node, loading: &mut Loading) -> Option<Expr> {
    let word = node.word("a condition", &mut loading.faults)?;
    let quoted = matches!(node.value, Value::Scalar { quoted: true, .. });
    let place = Place { span: node.span, quoted: usize::from(quoted) };
    let tokens = tokens(&word.text, place, loading)?;
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), end: place.at(word.text.len(), 1), loading };
    let expr = parser.any(0)?;
    match parser.tokens.next() {
        None => Some(expr),
        Some(Token { span, what }) => {
            let remedy = "join conditions by `and` or `or`";
            let message = format!("{} does not follow here", what.shown());
            parser.loading.faults.error("condition", span, message).remedy(remedy);
            None
        }
    }
}

/// Where the condition stands in its file.
#[derive(Clone, Copy)]
struct Place {
    span: Span,
    quoted: usize,
}

impl Place {
    /// The place of `length` octets from an offset of the text on.
    fn at(self, offset: usize, length: usize) -> Span {
        let start = self.span.start + self.quoted + offset;
        Span { start, end: start + length, line: self.span.line, column: self.span.column + self.quoted + offset }
    }
}

struct Token {
    span: Span,
    what: What,
}

#[derive(Clone, PartialEq, Eq)]
enum What {
    Name(String),
    Text(String),
    Number(i64),
    Op(Op),
    Open,
    Close,
    Comma,
}

impl What {
    fn shown(&self) -> String {
        match self {
            What::Name(name) => format!("`{name}`"),
            What::Text(text) => format!("`'{text}'`"),
            What::Number(_) => "a number".to_owned(),
            What::Op(_) => "a comparison".to_owned(),
            What::Open => "`(`".to_owned(),
            What::Close => "`)`".to_owned(),
            What::Comma => "`,`".to_owned(),
        }
    }
}

fn tokens(text: &str, place: Place, loading: &mut Loading) -> Option<Vec<Token>> {
    const OPERATORS: [(&str, Op); 6] = [
        ("==", Op::Equal),
        ("!=", Op::Unequal),
        ("<=", Op::AtMost),
        (">=", Op::AtLeast),
        ("<", Op::Less),
        (">", Op::Greater),
    ];
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let first = rest.chars().next()?;
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let run = |fits: fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let (length, what) = if let Some((sign, op)) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            (sign.len(), Some(What::Op(*op)))
        } else if first.is_ascii_alphabetic() {
            let length = run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
            (length, Some(What::Name(rest[..length].to_owned())))
        } else if first.is_ascii_digit() {
            let length = run(|c| c.is_ascii_digit() || c == '.');
            (length, spoken::hundredths(&rest[..length]).map(What::Number))
        } else if first == '\'' {
            let inner = rest[1..].find('\'');
            (inner.map_or(1, |end| end + 2), inner.map(|end| What::Text(rest[1..=end].to_owned())))
        } else {
            let what = match first {
                '(' => Some(What::Open),
                ')' => Some(What::Close),
                ',' => Some(What::Comma),
                _ => None,
            };
            (first.len_utf8(), what)
        };
        let span = place.at(at, length);
        let Some(what) = what else {
            let remedy = match first {
                '&' | '|' | '!' => "write `and`, `or`, `not`",
                '=' => "write `==`",
                '"' | '\'' => "text stands between two quotes: 'billing'",
                _ => "names, 'text', numbers, == != < <= > >= in and or not ( )",
            };
            let message = format!("`{}` is nothing that a condition has", &rest[..length]);
            loading.faults.error("condition", span, message).remedy(remedy);
            return None;
        };
        tokens.push(Token { span, what });
        at += length;
        if tokens.len() > MAX_TOKENS {
            loading.faults.error("too-many", span, format!("a condition of more than {MAX_TOKENS} words"));
            return None;
        }
    }
    Some(tokens)
}

/// What an operand may be compared with.
#[derive(Clone, PartialEq, Eq)]
enum Type {
    Bool,
    Number,
    /// With the values that there are, where that is a closed list.
    Text(Option<Vec<String>>),
    Date,
    Time,
}

impl Type {
    fn name(&self) -> &'static str {
        match self {
            Type::Bool => "true or false",
            Type::Number => "a number",
            Type::Text(_) => "text",
            Type::Date => "a date",
            Type::Time => "a time of day",
        }
    }

    fn of(kind: &Kind) -> Type {
        match kind {
            Kind::Bool => Type::Bool,
            Kind::Number | Kind::Money(_) => Type::Number,
            Kind::Date => Type::Date,
            Kind::Time => Type::Time,
            Kind::Choice(values) => Type::Text(Some(values.iter().map(|(_, value)| value.text.clone()).collect())),
            Kind::Digits { .. } | Kind::Phone | Kind::Text | Kind::Recording { .. } => Type::Text(None),
        }
    }

    fn is_ordered(&self) -> bool {
        matches!(self, Type::Number | Type::Date | Type::Time)
    }
}

struct Parser<'p, 'l> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// Behind the last of them.
    end: Span,
    loading: &'p mut Loading<'l>,
}

impl Parser<'_, '_> {
    fn any(&mut self, depth: usize) -> Option<Expr> {
        let mut all = vec![self.all(depth)?];
        while self.takes("or") {
            all.push(self.all(depth)?);
        }
        Some(if all.len() == 1 { all.remove(0) } else { Expr::Any(all) })
    }

    fn all(&mut self, depth: usize) -> Option<Expr> {
        let mut all = vec![self.one(depth)?];
        while self.takes("and") {
            all.push(self.one(depth)?);
        }
        Some(if all.len() == 1 { all.remove(0) } else { Expr::All(all) })
    }

    fn one(&mut self, depth: usize) -> Option<Expr> {
        if depth > MAX_DEPTH {
            let message = format!("brackets and `not` more than {MAX_DEPTH} deep");
            self.loading.faults.error("too-many", self.end, message);
            return None;
        }
        if self.takes("not") {
            return Some(Expr::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.next_is(&What::Open) {
            let inner = self.any(depth + 1)?;
            self.wants(&What::Close)?;
            return Some(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Option<Expr> {
        let Some(Token { span, what }) = self.tokens.next() else {
            self.wrong(self.end, "the condition ends too early", "a name, 'text' or a number");
            return None;
        };
        if let What::Name(name) = &what
            && self.next_is(&What::Open)
        {
            return self.call(name, span);
        }
        let (left, left_type) = self.operand(span, what)?;
        match self.tokens.next_if(|token| matches!(&token.what, What::Op(_))) {
            Some(Token { what: What::Op(op), span: place }) => {
                let Some(Token { span: right_span, what }) = self.tokens.next() else {
                    self.wrong(self.end, "nothing follows the comparison", "a name, 'text' or a number");
                    return None;
                };
                let (right, right_type) = self.operand(right_span, what)?;
                if op.orders() && !left_type.is_ordered() {
                    self.wrong(place, &format!("{} has no order", left_type.name()), "compare by == or !=");
                    return None;
                }
                self.fits((&left_type, span), (&right, &right_type, right_span))?;
                Some(Expr::Compare(left, op, right))
            }
            _ if self.takes("in") => {
                self.wants(&What::Open)?;
                let mut all = Vec::new();
                loop {
                    let Token { span: one_span, what } = self.tokens.next()?;
                    let (one, one_type) = self.operand(one_span, what)?;
                    self.fits((&left_type, span), (&one, &one_type, one_span))?;
                    all.push(one);
                    if !self.next_is(&What::Comma) {
                        break;
                    }
                }
                self.wants(&What::Close)?;
                Some(Expr::In(left, all))
            }
            _ if left_type == Type::Bool => Some(Expr::Is(left)),
            _ => {
                let remedy = "compare it: reason == 'billing', or ask `filled(reason)`";
                self.wrong(span, &format!("this is {}, and neither true nor false", left_type.name()), remedy);
                None
            }
        }
    }

    /// `open(hours)`, `closed(hours)`, `filled(fact)`.
    fn call(&mut self, name: &str, span: Span) -> Option<Expr> {
        let Some(Token { span: place, what: What::Name(argument) }) = self.tokens.next() else {
            self.wrong(span, &format!("`{name}(…)` takes a name"), "closed(office), filled(account)");
            return None;
        };
        let word = Word { text: argument, span: place };
        self.wants(&What::Close)?;
        match name {
            "open" => self.loading.hours_of(&word).map(Expr::Open),
            "closed" => self.loading.hours_of(&word).map(|hours| Expr::Not(Box::new(Expr::Open(hours)))),
            "filled" => self.loading.fact_named(&word).map(Expr::Filled),
            _ => {
                let word = Word { text: name.to_owned(), span };
                self.loading.faults.unknown("question", &word, ["open", "closed", "filled"]);
                None
            }
        }
    }

    fn operand(&mut self, span: Span, what: What) -> Option<(Operand, Type)> {
        match what {
            What::Text(text) => Some((Operand::Text(text), Type::Text(None))),
            What::Number(hundredths) => Some((Operand::Number(hundredths), Type::Number)),
            What::Name(name) => self.name(&Word { text: name, span }),
            what => {
                self.wrong(span, &format!("{} cannot stand here", what.shown()), "a name, 'text' or a number");
                None
            }
        }
    }

    fn name(&mut self, word: &Word) -> Option<(Operand, Type)> {
        match word.text.split_once('.') {
            Some(("switch", name)) => Some((Operand::Switch(name.to_owned()), Type::Bool)),
            Some(("with", name)) => {
                let (parameter, values) = self.loading.parameter(&Word { text: name.to_owned(), span: word.span })?;
                Some((Operand::With(parameter), Type::Text(Some(values))))
            }
            _ => self.loading.given(word).unwrap_or_else(|| self.fact(word)).map(|(operand, kind)| {
                let kind = Type::of(&kind);
                (operand, kind)
            }),
        }
    }

    fn fact(&mut self, word: &Word) -> Option<(Operand, Kind)> {
        let fact = self.loading.fact_named(word)?;
        let question = self.loading.question(fact)?;
        let (class, kind) = (question.class, question.kind.clone());
        if class != Class::Public {
            let class = format!("{class:?}").to_lowercase();
            let remedy = format!("ask `filled({})`, so that what is masked never changes the way", word.text);
            self.wrong(word.span, &format!("`{}` is {class}: no condition may read it", word.text), &remedy);
            return None;
        }
        Some((Operand::Fact(fact), kind))
    }

    /// Whether the right side can be a value of the left one.
    fn fits(&mut self, (left, left_span): (&Type, Span), (right, kind, span): (&Operand, &Type, Span)) -> Option<()> {
        let literal = match right {
            Operand::Text(text) => Some(text.as_str()),
            _ => None,
        };
        let fits = match (left, kind, literal) {
            (Type::Date, _, Some(text)) => spoken::date(text).is_some(),
            (Type::Time, _, Some(text)) => spoken::time(text).is_some(),
            (Type::Text(Some(values)), _, Some(text)) if !values.iter().any(|value| value == text) => {
                let remedy = suggestion(text, values.iter().map(String::as_str));
                self.wrong(span, &format!("it never is '{text}'"), &remedy);
                return None;
            }
            (Type::Text(_), Type::Text(_), _) => true,
            (Type::Bool, ..) => {
                self.wrong(left_span, "true and false are not compared", "write it alone, or `not` before it");
                return None;
            }
            (left, kind, _) => left == kind,
        };
        if !fits {
            let remedy = match left {
                Type::Date => "write '2026-03-01'",
                Type::Time => "write '16:05'",
                Type::Text(_) => "text stands in quotes: 'billing'",
                Type::Number | Type::Bool => "write a number",
            };
            self.wrong(span, &format!("{} is compared with {}", left.name(), kind.name()), remedy);
        }
        fits.then_some(())
    }

    fn takes(&mut self, name: &str) -> bool {
        self.next_is(&What::Name(name.to_owned()))
    }

    fn next_is(&mut self, what: &What) -> bool {
        self.tokens.next_if(|token| token.what == *what).is_some()
    }

    fn wants(&mut self, what: &What) -> Option<()> {
        if self.next_is(what) {
            return Some(());
        }
        let span = self.tokens.peek().map_or(self.end, |token| token.span);
        self.wrong(span, &format!("{} is missing here", what.shown()), "closed(office), reason in ('a', 'b')");
        None
    }

    fn wrong(&mut self, span: Span, message: &str, remedy: &str) {
        self.loading.faults.error("condition", span, message).remedy(remedy);
    }
}
